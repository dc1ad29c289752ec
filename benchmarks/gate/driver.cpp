// driver CASE runs one case once; driver alone lists them. What is counted is plimsoll_measured and below.
#include <cstdio>
#include <cstring>

#include "cases.hpp"

extern "C" __attribute__((noinline)) double plimsoll_measured(const std::function<double()>& work) {
    const double result = work();
    asm volatile("" : : "m"(result) : "memory");  // not a jump, which would leave the counted function early
    return result;
}

int main(int count, char** arguments) {
    std::vector<gate::Case> cases = gate::lognormal_cases();
    for (const auto& more : {gate::inverse_cases(), gate::account_cases(), gate::step_cases()}) {
        cases.insert(cases.end(), more.begin(), more.end());
    }
    for (const auto& one : cases) {
        if (count < 2) {
            std::puts(one.name.c_str());
        } else if (one.name == arguments[1]) {
            std::printf("%.17g\n", plimsoll_measured(one.prepare()));
            return 0;
        }
    }
    return count < 2 ? 0 : 2;
}
