#include <limits>
#include <memory>

#include "cases.hpp"
#include "steps.hpp"

namespace gate {
namespace {

constexpr std::size_t kRows = 400, kColumns = 7, kSteps = 3, kHeld = 3;

struct Rows {
    Rows() {
        for (std::size_t a = 0; a <= kRows; ++a) indptr.push_back(static_cast<std::int64_t>(a * kHeld));
        for (std::size_t j = 0; j < kRows * kHeld; ++j) {
            indices.push_back(whole(0.0, static_cast<double>(kColumns)));
            count.push_back(whole(-5'000.0, 5'000.0));
        }
        for (std::size_t a = 0; a < kRows; ++a) base.push_back(whole(-1e12, 1e12));
        for (std::size_t n = 0; n < kColumns; ++n) {
            price.push_back(whole(1e6, 9e6));
            size.push_back(price.back());
            for (double end : {5e8, 5e9, std::numeric_limits<double>::infinity()}) ends.push_back(end);
            for (double rate : {0.01, 0.025, 0.05}) rates.push_back(rate);
        }
    }

    std::int64_t whole(double low, double high) { return static_cast<std::int64_t>(numbers.between(low, high)); }

    plimsoll::StepRows rows() const {
        return {kRows,        kColumns,     kSteps,      indptr.data(), indices.data(), count.data(),
                base.data(),  price.data(), size.data(), ends.data(),   rates.data()};
    }

    Numbers numbers{6};
    std::vector<std::int64_t> indptr, indices, count, base, price, size;
    std::vector<double> ends, rates;
};

}  // namespace

std::vector<Case> step_cases() {
    return {{"step_rows", [] {
                 auto held = std::make_shared<Rows>();
                 auto value = std::make_shared<std::vector<std::int64_t>>(kRows);
                 auto charge = std::make_shared<std::vector<double>>(kRows);
                 return [held, value, charge] {
                     plimsoll::step_rows(held->rows(), 1, value->data(), charge->data());
                     return (*charge)[7] + static_cast<double>((*value)[7]);
                 };
             }}};
}

}  // namespace gate
