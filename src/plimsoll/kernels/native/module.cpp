// The extension module: one bind function per subject.
#include <nanobind/nanobind.h>

#include "instruction_set.hpp"

namespace nb = nanobind;

namespace plimsoll {
void bind_inverse(nb::module_& m);
void bind_lognormal(nb::module_& m);
void bind_accounts(nb::module_& m);
void bind_book(nb::module_& m);
void bind_steps(nb::module_& m);
}  // namespace plimsoll

NB_MODULE(_native, m) {
    m.doc() = "Compiled loops; call them through plimsoll.kernels, which checks the arguments.";
    plimsoll::bind_inverse(m);
    plimsoll::bind_lognormal(m);
    plimsoll::bind_accounts(m);
    plimsoll::bind_book(m);
    plimsoll::bind_steps(m);
    m.def("instruction_set", [] { return plimsoll::name_of(plimsoll::chosen_set()); },
          "Which variant of the loops this processor runs: x86-64-v4, x86-64-v3 or baseline.");
}
