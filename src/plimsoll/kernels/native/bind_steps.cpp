#include <vector>

#include "arrays.hpp"
#include "steps.hpp"

namespace plimsoll {

void bind_steps(nb::module_& m) {
    m.def(
        "step_rows",
        [](In<std::int64_t, 1> indptr, In<std::int64_t, 1> indices, In<std::int64_t, 1> count,
           In<std::int64_t, 1> base, In<std::int64_t, 1> price, In<std::int64_t, 1> size, In<double, 2> ends,
           In<double, 2> rates, std::size_t threads, Out<std::int64_t, 1> value, Out<double, 1> charge) {
            const std::size_t held = indices.shape(0), columns = price.shape(0);
            expect_aligned(indptr, "indptr");
            expect_aligned(indices, "indices");
            expect_1d(count, held, "count");
            expect(indptr.shape(0) > 0, "indptr", "[R + 1]");
            // a copy, since another thread may write to the array after the check
            const std::vector<std::int64_t> starts(indptr.data(), indptr.data() + indptr.shape(0));
            bool rises = starts.front() == 0 && static_cast<std::uint64_t>(starts.back()) == held;
            for (std::size_t a = 0; a + 1 < starts.size(); ++a) rises &= starts[a] <= starts[a + 1];
            expect(rises, "indptr", "rising from 0 to the number of indices");
            const std::size_t rows = starts.size() - 1;
            expect_1d(base, rows, "base");
            expect_aligned(price, "price");
            expect_1d(size, columns, "size");
            expect_2d(ends, columns, ends.shape(1), "ends");
            expect_2d(rates, columns, ends.shape(1), "rates");
            expect_1d(value, rows, "value");
            expect_1d(charge, rows, "charge");
            nb::gil_scoped_release released;
            return step_rows({rows, columns, ends.shape(1), starts.data(), indices.data(), count.data(), base.data(),
                              price.data(), size.data(), ends.data(), rates.data()},
                             threads, value.data(), charge.data());
        },
        nb::arg("indptr"), nb::arg("indices"), nb::arg("count"), nb::arg("base"), nb::arg("price"), nb::arg("size"),
        nb::arg("ends"), nb::arg("rates"), nb::arg("threads"), nb::arg("value").noconvert(),
        nb::arg("charge").noconvert(),
        "Fill value[R] and charge[R]; false where an index or a sum of magnitudes is beyond its limit.");
}

}  // namespace plimsoll
