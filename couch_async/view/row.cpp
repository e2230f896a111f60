#include "plait/couch_async/view/row.hpp"

#include "plait/couch_async/detail/row_members.hpp"

namespace plait::couch_async {

std::string_view ViewRow::member(std::string_view name) const {
    return detail::find_member(raw(), name);
}

}  // namespace plait::couch_async
