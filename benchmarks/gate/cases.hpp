// Fixed work for the instruction counter: each file cases_<subject>.cpp gives some, driver.cpp runs one by name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace gate {

// `prepare` makes the inputs and returns the work to be counted, which returns a number that depends on all of it.
struct Case {
    std::string name;
    std::function<std::function<double()>()> prepare;
};

// The same numbers everywhere: the distributions of the standard library differ between libraries.
class Numbers {
  public:
    explicit Numbers(std::uint64_t seed) : state_(seed) {}

    // in [low, high)
    double between(double low, double high) {
        state_ = state_ * 6364136223846793005ull + 1442695040888963407ull;
        return low + (high - low) * static_cast<double>(state_ >> 11) * 0x1p-53;
    }

    std::vector<double> many(std::size_t count, double low, double high) {
        std::vector<double> made(count);
        for (double& number : made) number = between(low, high);
        return made;
    }

  private:
    std::uint64_t state_;
};

std::vector<Case> lognormal_cases();
std::vector<Case> inverse_cases();
std::vector<Case> account_cases();
std::vector<Case> step_cases();

}  // namespace gate
