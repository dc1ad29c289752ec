#include <utility>
#include <vector>

#include "arrays.hpp"
#include "lognormal.hpp"

namespace plimsoll {
namespace {

struct Arguments {
    std::vector<std::int64_t> group;  // a copy: it was checked, and another thread may write to the array it came from
    Instruments instruments;
    Tables tables;
};

// numpy writes 0 and 1, but a view of other bytes is boolean too, and C++ may assume of a bool what holds for no such byte
template <typename Array>
const std::uint8_t* bytes_of(const Array& array) {
    return reinterpret_cast<const std::uint8_t*>(array.data());
}

Arguments gathered(const In<std::int64_t, 1>& group, const In<double, 1>& strike, const In<double, 1>& total_vol,
                   const In<bool, 1>& call, const Maybe<bool, 1>& per_forward, const In<double, 2>& forward,
                   const In<double, 2>& vol_scale, const Maybe<double, 2>& vol_shift,
                   const Maybe<double, 2>& vol_floor, const In<double, 1>& discount) {
    const std::size_t count = group.shape(0), groups = forward.shape(0), scenarios = forward.shape(1);
    expect_aligned(group, "group");
    expect_aligned(forward, "forward");
    expect_1d(strike, count, "strike");
    expect_1d(total_vol, count, "total_vol");
    expect_1d(call, count, "call");
    if (per_forward) expect_1d(*per_forward, count, "per_forward");
    expect_2d(vol_scale, groups, scenarios, "vol_scale");
    if (vol_shift) expect_2d(*vol_shift, groups, scenarios, "vol_shift");
    if (vol_floor) expect_2d(*vol_floor, groups, scenarios, "vol_floor");
    expect_1d(discount, groups, "discount");
    std::vector<std::int64_t> members(group.data(), group.data() + count);
    for (const std::int64_t g : members) {
        expect(g >= 0 && static_cast<std::size_t>(g) < groups, "group", "below the number of groups");
    }
    const std::int64_t* first = members.data();
    return {std::move(members),
            {count, first, strike.data(), total_vol.data(), bytes_of(call),
             per_forward ? bytes_of(*per_forward) : nullptr},
            {groups, scenarios, forward.data(), vol_scale.data(), data_or_null(vol_shift), data_or_null(vol_floor),
             discount.data()}};
}

}  // namespace

void bind_lognormal(nb::module_& m) {
    m.def(
        "lognormal_elements",
        [](In<double, 1> forward, In<double, 1> strike, In<double, 1> total_vol, In<bool, 1> call, std::size_t threads,
           Out<double, 1> out) {
            const std::size_t count = forward.shape(0);
            expect_aligned(forward, "forward");
            expect_1d(strike, count, "strike");
            expect_1d(total_vol, count, "total_vol");
            expect_1d(call, count, "call");
            expect_1d(out, count, "out");
            nb::gil_scoped_release released;
            lognormal_elements(count, forward.data(), strike.data(), total_vol.data(), bytes_of(call), threads,
                               out.data());
        },
        nb::arg("forward"), nb::arg("strike"), nb::arg("total_vol"), nb::arg("call"), nb::arg("threads"),
        nb::arg("out").noconvert(), "Fill out[n] with values element by element.");
    m.def(
        "lognormal_values",
        [](In<std::int64_t, 1> group, In<double, 1> strike, In<double, 1> total_vol, In<bool, 1> call,
           Maybe<bool, 1> per_forward, In<double, 2> forward, In<double, 2> vol_scale, Maybe<double, 2> vol_shift,
           Maybe<double, 2> vol_floor, In<double, 1> discount, std::size_t threads, Out<double, 2> out) {
            const Arguments a = gathered(group, strike, total_vol, call, per_forward, forward, vol_scale, vol_shift,
                                         vol_floor, discount);
            expect_2d(out, a.instruments.count, a.tables.scenarios, "out");
            nb::gil_scoped_release released;
            lognormal_values(a.instruments, a.tables, threads, out.data());
        },
        nb::arg("group"), nb::arg("strike"), nb::arg("total_vol"), nb::arg("call"), nb::arg("per_forward").none(),
        nb::arg("forward"), nb::arg("vol_scale"), nb::arg("vol_shift").none(), nb::arg("vol_floor").none(),
        nb::arg("discount"), nb::arg("threads"), nb::arg("out").noconvert(),
        "Fill out[N, S] with the values of N instruments in S scenarios.");
    m.def(
        "lognormal_greeks",
        [](In<std::int64_t, 1> group, In<double, 1> strike, In<double, 1> total_vol, In<bool, 1> call,
           In<double, 1> root_time, In<double, 2> forward, In<double, 2> vol_scale, Maybe<double, 2> vol_shift,
           Maybe<double, 2> vol_floor, In<double, 1> discount, std::size_t threads, Out<double, 3> out) {
            const Arguments a = gathered(group, strike, total_vol, call, std::nullopt, forward, vol_scale, vol_shift,
                                         vol_floor, discount);
            expect_1d(root_time, a.instruments.count, "root_time");
            expect_aligned(out, "out");
            const std::size_t size = a.instruments.count * a.tables.scenarios;
            expect(out.shape(0) == 5 && out.shape(1) == a.instruments.count && out.shape(2) == a.tables.scenarios, "out",
                   "[5, N, S]");
            double* to = out.data();
            nb::gil_scoped_release released;
            lognormal_greeks(a.instruments, a.tables, root_time.data(), threads, to,
                             {to + size, to + 2 * size, to + 3 * size, to + 4 * size});
        },
        nb::arg("group"), nb::arg("strike"), nb::arg("total_vol"), nb::arg("call"), nb::arg("root_time"),
        nb::arg("forward"), nb::arg("vol_scale"), nb::arg("vol_shift").none(), nb::arg("vol_floor").none(),
        nb::arg("discount"), nb::arg("threads"), nb::arg("out").noconvert(),
        "Fill out[5, N, S] with value, delta, gamma, vega and theta.");
    m.def(
        "lognormal_book",
        [](In<std::int64_t, 1> group, In<double, 1> strike, In<double, 1> total_vol, In<bool, 1> call,
           Maybe<bool, 1> per_forward, In<double, 1> quantity, In<double, 2> forward, In<double, 2> vol_scale,
           Maybe<double, 2> vol_shift, Maybe<double, 2> vol_floor, In<double, 1> discount, std::size_t threads,
           Out<double, 1> out) {
            const Arguments a = gathered(group, strike, total_vol, call, per_forward, forward, vol_scale, vol_shift,
                                         vol_floor, discount);
            expect_1d(quantity, a.instruments.count, "quantity");
            expect_1d(out, a.tables.scenarios, "out");
            nb::gil_scoped_release released;
            lognormal_book(a.instruments, a.tables, quantity.data(), threads, out.data());
        },
        nb::arg("group"), nb::arg("strike"), nb::arg("total_vol"), nb::arg("call"), nb::arg("per_forward").none(),
        nb::arg("quantity"), nb::arg("forward"), nb::arg("vol_scale"), nb::arg("vol_shift").none(),
        nb::arg("vol_floor").none(), nb::arg("discount"), nb::arg("threads"), nb::arg("out").noconvert(),
        "Fill out[S] with the value of a whole book, never holding the N x S values.");
}

}  // namespace plimsoll
