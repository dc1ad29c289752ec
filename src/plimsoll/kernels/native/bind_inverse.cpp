#include "arrays.hpp"
#include "inverse.hpp"

namespace plimsoll {

void bind_inverse(nb::module_& m) {
    m.def(
        "lognormal_inverse",
        [](In<double, 1> x, In<double, 1> log_target, std::size_t threads, Out<double, 1> total, Out<double, 1> slope,
           Out<bool, 1> converged) {
            const std::size_t count = x.shape(0);
            expect_aligned(x, "x");
            expect_1d(log_target, count, "log_target");
            expect_1d(total, count, "total");
            expect_1d(slope, count, "slope");
            expect_1d(converged, count, "converged");
            nb::gil_scoped_release released;
            lognormal_inverse(count, x.data(), log_target.data(), threads, total.data(), slope.data(),
                              converged.data());
        },
        nb::arg("x"), nb::arg("log_target"), nb::arg("threads"), nb::arg("total").noconvert(),
        nb::arg("slope").noconvert(), nb::arg("converged").noconvert(),
        "Fill the total volatility of each normalised time value, the slope there and whether it was reached.");
}

}  // namespace plimsoll
