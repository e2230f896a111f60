// Boost.JSON's own code, compiled once for this library; everybody else includes declarations only.
#include <boost/json/src.hpp>
