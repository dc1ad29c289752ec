#include <memory>

#include "cases.hpp"
#include "inverse.hpp"

namespace gate {
namespace {

constexpr std::size_t kCount = 501;  // not a multiple of any vector

struct Targets {
    Numbers numbers{2};
    std::vector<double> x = numbers.many(kCount, -2.0, 0.0);
    std::vector<double> log_target = numbers.many(kCount, -9.0, -1.0);
    std::vector<double> total = std::vector<double>(kCount), slope = std::vector<double>(kCount);
    std::unique_ptr<bool[]> converged{new bool[kCount]};
};

}  // namespace

std::vector<Case> inverse_cases() {
    return {{"lognormal_inverse", [] {
                 auto given = std::make_shared<Targets>();
                 return [given] {
                     plimsoll::lognormal_inverse(kCount, given->x.data(), given->log_target.data(), 1,
                                                 given->total.data(), given->slope.data(), given->converged.get());
                     return given->total[7];
                 };
             }}};
}

}  // namespace gate
