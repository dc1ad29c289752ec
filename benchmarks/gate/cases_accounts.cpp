#include <memory>

#include "accounts.hpp"
#include "book.hpp"
#include "cases.hpp"
#include "select.hpp"

namespace gate {
namespace {

constexpr std::size_t kAccounts = 60, kInstruments = 50, kScenarios = 301, kPositions = 17;  // no multiples of a vector
constexpr double kLimit = 1e300;
constexpr plimsoll::Tail kTail{8, 0.13};

struct Held {
    Held() : quantity(numbers.many(kAccounts * kPositions, -9.0, 9.0)), pnl(numbers.many(kInstruments * kScenarios, -50.0, 50.0)) {
        for (std::size_t a = 0; a <= kAccounts; ++a) indptr.push_back(static_cast<std::int64_t>(a * kPositions));
        for (std::size_t j = 0; j < quantity.size(); ++j) {
            indices.push_back(static_cast<std::int64_t>(numbers.between(0.0, static_cast<double>(kInstruments))));
        }
    }

    plimsoll::Holdings holdings() const {
        return {kAccounts, kInstruments, kScenarios, indptr.data(), indices.data(), quantity.data(), pnl.data()};
    }

    Numbers numbers{3};
    std::vector<std::int64_t> indptr, indices;
    std::vector<double> quantity, pnl;
};

template <typename Scalar>
struct Results {
    std::vector<Scalar> first = std::vector<Scalar>(kAccounts), second = std::vector<Scalar>(kAccounts);
    std::vector<std::int64_t> scenario = std::vector<std::int64_t>(kAccounts);
};

template <typename Scalar>
Case worst(const char* name) {
    return {name, [] {
                auto held = std::make_shared<Held>();
                auto to = std::make_shared<Results<Scalar>>();
                return [held, to] {
                    plimsoll::accounts_worst<Scalar>(held->holdings(), nullptr, kLimit, 1, to->first.data(),
                                                     to->scenario.data());
                    return static_cast<double>(to->first[7]);
                };
            }};
}

template <typename Scalar>
Case shortfall(const char* name) {
    return {name, [] {
                auto held = std::make_shared<Held>();
                auto to = std::make_shared<Results<Scalar>>();
                return [held, to] {
                    plimsoll::accounts_tail<Scalar>(held->holdings(), kTail, kLimit, 1, to->first.data(),
                                                    to->second.data());
                    return static_cast<double>(to->second[7]);
                };
            }};
}

Case what_if(const char* name, plimsoll::Measure measure) {
    return {name, [measure] {
                auto held = std::make_shared<Held>();
                auto book = std::make_shared<plimsoll::Book>(held->holdings(), kTail, kLimit);
                return [held, book, measure] {
                    double sum = 0.0;
                    for (std::int64_t order = 0; order < 200; ++order) {
                        sum += book->after(measure, order % kAccounts, order % kInstruments, 1.5);
                    }
                    return sum;
                };
            }};
}

// So many scenarios that only the lines that matter are read, which have one market behind them.
Case long_what_if(const char* name, plimsoll::Measure measure) {
    constexpr std::size_t kMany = 4001;
    return {name, [measure] {
                auto held = std::make_shared<Held>();
                held->pnl = held->numbers.many(kInstruments * kMany, -1.0, 1.0);
                const std::vector<double> move = held->numbers.many(kMany, -9.0, 9.0);
                for (std::size_t at = 0; at < held->pnl.size(); ++at) {
                    held->pnl[at] += move[at % kMany] * (at / kMany % 2 ? 1.0 : -2.0);
                }
                plimsoll::Holdings holdings = held->holdings();
                holdings.scenarios = kMany;
                auto book = std::make_shared<plimsoll::Book>(holdings, plimsoll::Tail{100, 0.01}, kLimit);
                return [held, book, measure] {
                    double sum = 0.0;
                    for (std::int64_t order = 0; order < 50; ++order) {
                        sum += book->after(measure, order % kAccounts, order % kInstruments, 1.5);
                    }
                    return sum;
                };
            }};
}

Case reprice(const char* name) {
    return {name, [] {
                auto held = std::make_shared<Held>();
                auto book = std::make_shared<plimsoll::Book>(held->holdings(), kTail, kLimit);
                auto pnl = std::make_shared<std::vector<double>>(Numbers{5}.many(9 * kScenarios, -50.0, 50.0));
                auto which = std::make_shared<std::vector<std::int64_t>>();
                for (std::int64_t i = 0; i < 9; ++i) which->push_back(5 * i + 2);
                return [held, book, pnl, which] {
                    book->reprice(which->data(), pnl->data(), which->size(), 1);
                    std::vector<double> losses(kScenarios);
                    book->losses(7, losses.data());
                    return losses[7];
                };
            }};
}

// A call about three accounts, which needs few of the rows.
Case few(const char* name) {
    return {name, [] {
                auto held = std::make_shared<Held>();
                auto to = std::make_shared<Results<double>>();
                return [held, to] {
                    plimsoll::Holdings some = held->holdings();
                    some.accounts = 3;
                    plimsoll::accounts_worst<double>(some, nullptr, kLimit, 1, to->first.data(), to->scenario.data());
                    return to->first[2];
                };
            }};
}

}  // namespace

std::vector<Case> account_cases() {
    return {worst<double>("account_worst"),
            worst<float>("account_worst, single"),
            shortfall<double>("account_tail"),
            shortfall<float>("account_tail, single"),
            few("account_worst, few accounts"),
            reprice("Book, reprice"),
            what_if("Book, worst", plimsoll::Measure::worst),
            what_if("Book, shortfall", plimsoll::Measure::shortfall),
            long_what_if("Book, worst of many scenarios", plimsoll::Measure::worst),
            long_what_if("Book, shortfall of many scenarios", plimsoll::Measure::shortfall),
            {"vectors_tail", [] {
                 auto losses = std::make_shared<std::vector<double>>(Numbers{4}.many(20'001, -1.0, 3.0));
                 return [losses] {
                     double quantile = 0.0, tail = 0.0;
                     plimsoll::vectors_tail(losses->data(), 1, losses->size(), {501, 1.0 / 500.0}, 1, &quantile, &tail);
                     return tail;
                 };
             }}};
}

}  // namespace gate
