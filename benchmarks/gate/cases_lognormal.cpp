#include <memory>

#include "cases.hpp"
#include "lognormal.hpp"

namespace gate {
namespace {

constexpr std::size_t kCount = 96, kGroups = 4, kScenarios = 301;  // no multiples of a vector
constexpr std::size_t kElements = kGroups * kScenarios;

enum Bounds { kNone, kFloor, kShift };

struct Book {
    explicit Book(Bounds bounds)
        : forward(numbers.many(kGroups * kScenarios, 40'000.0, 90'000.0)),
          scale(numbers.many(kGroups * kScenarios, 0.6, 1.6)),
          shift(numbers.many(kGroups * kScenarios, -0.05, 0.05)),
          floor(kGroups * kScenarios, 0.15),
          discount(kGroups, 0.98),
          strike(numbers.many(kCount, 30'000.0, 120'000.0)),
          total_vol(numbers.many(kCount, 0.05, 0.8)),
          root_time(numbers.many(kCount, 0.1, 1.0)),
          quantity(numbers.many(kCount, -10.0, 10.0)),
          call(new std::uint8_t[kCount]),
          many_calls(new std::uint8_t[kElements]),
          strikes(numbers.many(kElements, 30'000.0, 120'000.0)),
          vols(numbers.many(kElements, 0.05, 0.8)),
          out(5 * kCount * kScenarios) {
        for (std::size_t i = 0; i < kCount; ++i) {
            group.push_back(static_cast<std::int64_t>(i * kGroups / kCount));
            call[i] = i % 3 != 0;
        }
        for (std::size_t i = 0; i < kElements; ++i) many_calls[i] = i % 3 != 0;
        tables = {kGroups,      kScenarios, forward.data(), scale.data(), bounds == kShift ? shift.data() : nullptr,
                  bounds == kNone ? nullptr : floor.data(), discount.data()};
        instruments = {kCount, group.data(), strike.data(), total_vol.data(), call.get(), nullptr};
    }

    Numbers numbers{1};
    std::vector<double> forward, scale, shift, floor, discount, strike, total_vol, root_time, quantity;
    std::unique_ptr<std::uint8_t[]> call, many_calls;
    std::vector<double> strikes, vols, out;
    std::vector<std::int64_t> group;
    plimsoll::Tables tables;
    plimsoll::Instruments instruments;
};

Case values(const char* name, Bounds bounds) {
    return {name, [bounds] {
                auto book = std::make_shared<Book>(bounds);
                return [book] {
                    plimsoll::lognormal_values(book->instruments, book->tables, 1, book->out.data());
                    return book->out[7];
                };
            }};
}

}  // namespace

std::vector<Case> lognormal_cases() {
    return {values("lognormal_values", kNone), values("lognormal_values, floor", kFloor),
            values("lognormal_values, shift", kShift),
            {"lognormal_greeks",
             [] {
                 auto book = std::make_shared<Book>(kNone);
                 return [book] {
                     double* to = book->out.data();
                     const std::size_t size = kCount * kScenarios;
                     plimsoll::lognormal_greeks(book->instruments, book->tables, book->root_time.data(), 1, to,
                                                {to + size, to + 2 * size, to + 3 * size, to + 4 * size});
                     return to[7];
                 };
             }},
            {"lognormal_book", [] {
                 auto book = std::make_shared<Book>(kNone);
                 return [book] {
                     plimsoll::lognormal_book(book->instruments, book->tables, book->quantity.data(), 1,
                                              book->out.data());
                     return book->out[7];
                 };
             }},
            {"lognormal_elements", [] {
                 auto book = std::make_shared<Book>(kNone);
                 return [book] {
                     plimsoll::lognormal_elements(kElements, book->forward.data(), book->strikes.data(),
                                                  book->vols.data(), book->many_calls.get(), 1, book->out.data());
                     return book->out[7];
                 };
             }}};
}

}  // namespace gate
