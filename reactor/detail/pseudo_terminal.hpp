// PseudoTerminal: a terminal made of two descriptors: ours, which plays the screen and keyboard, and the child's.
// Knows no child and no loop.
#pragma once

#include "plait/reactor/process_options.hpp"
#include "plait/reactor/unique_fd.hpp"

namespace plait::detail {

struct PseudoTerminal {
    UniqueFd ours;  ///< non-blocking
    UniqueFd childs;
};

/// Returns: one without descriptors when there is none to be had; errno says why.
PseudoTerminal open_pseudo_terminal(WindowSize size) noexcept;

/// Whoever reads the terminal is told by SIGWINCH.
void resize_terminal(int fd, WindowSize size) noexcept;

}  // namespace plait::detail
