#include "bind_holdings.hpp"
#include "select.hpp"

namespace plimsoll {
namespace {

template <typename Scalar>
void bind_measures(nb::module_& m) {
    m.def(
        "account_worst",
        [](In<std::int64_t, 1> indptr, In<std::int64_t, 1> indices, In<double, 1> quantity, In<double, 2> pnl,
           Maybe<double, 1> weights, double limit, std::size_t threads, Out<Scalar, 1> loss,
           Out<std::int64_t, 1> scenario) {
            const auto [starts, holdings] = gathered(indptr, indices, quantity, pnl);
            if (weights) expect_1d(*weights, holdings.scenarios, "weights");
            expect_1d(loss, holdings.accounts, "loss");
            expect_1d(scenario, holdings.accounts, "scenario");
            nb::gil_scoped_release released;
            return accounts_worst<Scalar>(holdings, data_or_null(weights), limit, threads, loss.data(),
                                          scenario.data());
        },
        nb::arg("indptr"), nb::arg("indices"), nb::arg("quantity"), nb::arg("pnl"), nb::arg("weights").none(),
        nb::arg("limit"), nb::arg("threads"), nb::arg("loss").noconvert(), nb::arg("scenario").noconvert(),
        "Fill loss[A] and scenario[A]; false where an index or a gross sum is beyond its limit.");
    m.def(
        "account_tail",
        [](In<std::int64_t, 1> indptr, In<std::int64_t, 1> indices, In<double, 1> quantity, In<double, 2> pnl,
           std::size_t k, double share, double limit, std::size_t threads, Out<Scalar, 1> quantile,
           Out<Scalar, 1> shortfall) {
            const auto [starts, holdings] = gathered(indptr, indices, quantity, pnl);
            expect(k >= 1 && k <= holdings.scenarios, "k", "from 1 to the number of scenarios");
            expect_1d(quantile, holdings.accounts, "quantile");
            expect_1d(shortfall, holdings.accounts, "shortfall");
            nb::gil_scoped_release released;
            return accounts_tail<Scalar>(holdings, {k, share}, limit, threads, quantile.data(), shortfall.data());
        },
        nb::arg("indptr"), nb::arg("indices"), nb::arg("quantity"), nb::arg("pnl"), nb::arg("k"), nb::arg("share"),
        nb::arg("limit"), nb::arg("threads"), nb::arg("quantile").noconvert(), nb::arg("shortfall").noconvert(),
        "Fill quantile[A] and shortfall[A]; false where an index or a gross sum is beyond its limit.");
}

}  // namespace

void bind_accounts(nb::module_& m) {
    bind_measures<double>(m);
    bind_measures<float>(m);
    m.def(
        "vectors_tail",
        [](In<double, 2> losses, std::size_t k, double share, std::size_t threads, Out<double, 1> quantile,
           Out<double, 1> shortfall) {
            const std::size_t rows = losses.shape(0), size = losses.shape(1);
            expect_aligned(losses, "losses");
            expect(k >= 1 && k <= size, "k", "from 1 to the number of scenarios");
            expect_1d(quantile, rows, "quantile");
            expect_1d(shortfall, rows, "shortfall");
            nb::gil_scoped_release released;
            return vectors_tail(losses.data(), rows, size, {k, share}, threads, quantile.data(), shortfall.data());
        },
        nb::arg("losses"), nb::arg("k"), nb::arg("share"), nb::arg("threads"), nb::arg("quantile").noconvert(),
        nb::arg("shortfall").noconvert(),
        "Fill quantile[R] and shortfall[R] of R vectors of losses; false where one is not finite.");
}

}  // namespace plimsoll
