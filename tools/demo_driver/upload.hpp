// upload(): puts Debian's packages into a real CouchDB, with a view that gives them by name.
#pragma once

#include <string>
#include <vector>

#include "packages.hpp"
#include "plait/deferred/deferred.hpp"
#include "plait/reactor/reactor.hpp"
#include "progress.hpp"

namespace demo {

/// Makes a database of its own, fills it, and lets the server build the view.
/// Fires:  with the database's URL.
/// Fails:  with a sentence naming the request and the server's answer.
/// Lifetime: `packages` and `reactor` must outlive the Deferred.
plait::Deferred<std::string> upload(plait::Reactor& reactor, std::string couch_url,
                                    const std::vector<view_server::Package>& packages);

}  // namespace demo
