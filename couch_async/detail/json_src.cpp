// Boost.JSON's own code, compiled once for this library; everybody else includes declarations only.
#if defined(__GNUC__) && !defined(__clang__)
// GCC 12 with sanitizers sees overruns that are not there.
#pragma GCC diagnostic ignored "-Warray-bounds"
#pragma GCC diagnostic ignored "-Wstringop-overflow"
#endif
#include <boost/json/src.hpp>
