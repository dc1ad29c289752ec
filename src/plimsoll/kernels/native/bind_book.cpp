#include <mutex>

#include "bind_holdings.hpp"
#include "book.hpp"

namespace plimsoll {
namespace {

// A short call does not give up the interpreter unless it has to wait for a long one.
template <typename Lock, typename Work>
auto held(const Book& book, Work&& work) {
    Lock lock(book.mutex, std::try_to_lock);
    if (!lock.owns_lock()) {
        nb::gil_scoped_release released;
        lock.lock();
    }
    return work();
}

using Reading = std::shared_lock<std::shared_mutex>;
using Writing = std::unique_lock<std::shared_mutex>;

template <Measure measure>
double after(const Book& book, std::int64_t account, std::int64_t instrument, double quantity) {
    return held<Reading>(book, [&] { return book.after(measure, account, instrument, quantity); });
}

template <Measure measure>
void after_each(const Book& book, In<std::int64_t, 1> account, In<std::int64_t, 1> instrument, In<double, 1> quantity,
                std::size_t threads, Out<double, 1> out) {
    const std::size_t count = account.shape(0);
    expect_aligned(account, "account");
    expect_1d(instrument, count, "instrument");
    expect_1d(quantity, count, "quantity");
    expect_1d(out, count, "out");
    nb::gil_scoped_release released;
    Reading lock(book.mutex);
    book.after_each(measure, {count, account.data(), instrument.data(), quantity.data()}, threads, out.data());
}

template <typename Class, typename Function>
void def_each(Class& book, const char* name, Function function) {
    book.def(name, function, nb::arg("account"), nb::arg("instrument"), nb::arg("quantity"), nb::arg("threads"),
             nb::arg("out").noconvert());
}

}  // namespace

void bind_book(nb::module_& m) {
    nb::class_<Book> book(m, "Book", "Losses of many accounts kept up to date; open it by plimsoll.kernels.open_book.");
    book.def(
        "__init__",
        [](Book* self, In<std::int64_t, 1> indptr, In<std::int64_t, 1> indices, In<double, 1> quantity,
           In<double, 2> pnl, std::size_t k, double share, double limit) {
            const auto [starts, holdings] = gathered(indptr, indices, quantity, pnl);
            expect(k <= holdings.scenarios, "k", "at most the number of scenarios");
            nb::gil_scoped_release released;
            new (self) Book(holdings, {k, share}, limit);
        },
        nb::arg("indptr"), nb::arg("indices"), nb::arg("quantity"), nb::arg("pnl"), nb::arg("k"), nb::arg("share"),
        nb::arg("limit"));
    book.def("worst", &after<Measure::worst>, nb::arg("account"), nb::arg("instrument"), nb::arg("quantity"));
    book.def("var", &after<Measure::quantile>, nb::arg("account"), nb::arg("instrument"), nb::arg("quantity"));
    book.def("es", &after<Measure::shortfall>, nb::arg("account"), nb::arg("instrument"), nb::arg("quantity"));
    def_each(book, "_worst_each", &after_each<Measure::worst>);
    def_each(book, "_var_each", &after_each<Measure::quantile>);
    def_each(book, "_es_each", &after_each<Measure::shortfall>);
    book.def(
        "apply",
        [](Book& self, std::int64_t account, std::int64_t instrument, double quantity) {
            held<Writing>(self, [&] { self.apply(account, instrument, quantity); });
        },
        nb::arg("account"), nb::arg("instrument"), nb::arg("quantity"));
    book.def(
        "_reprice",
        [](Book& self, In<std::int64_t, 1> instrument, In<double, 2> pnl, std::size_t threads) {
            expect_aligned(instrument, "instrument");
            expect_2d(pnl, instrument.shape(0), self.scenarios(), "pnl");
            nb::gil_scoped_release released;
            Writing lock(self.mutex);
            self.reprice(instrument.data(), pnl.data(), instrument.shape(0), threads);
        },
        nb::arg("instrument"), nb::arg("pnl"), nb::arg("threads"));
    book.def(
        "_rebuild",
        [](Book& self, std::size_t threads) {
            nb::gil_scoped_release released;
            Writing lock(self.mutex);
            self.rebuild(threads);
        },
        nb::arg("threads"));
    book.def(
        "_losses",
        [](const Book& self, std::int64_t account, Out<double, 1> out) {
            expect_1d(out, self.scenarios(), "out");
            held<Reading>(self, [&] { self.losses(account, out.data()); });
        },
        nb::arg("account"), nb::arg("out").noconvert());
    book.def(
        "_positions",
        [](const Book& self) {
            // a copy first: making objects may run other Python code, which may want this book
            const auto copied = held<Reading>(self, [&] { return self.held(); });
            nb::list accounts;
            for (const auto& held : copied) {
                nb::list positions;
                for (const Position& one : held) positions.append(nb::make_tuple(one.row, one.quantity));
                accounts.append(positions);
            }
            return accounts;
        });
    book.def_prop_ro("accounts", &Book::accounts);
    book.def_prop_ro("instruments", &Book::instruments);
    book.def_prop_ro("scenarios", &Book::scenarios);
}

}  // namespace plimsoll
