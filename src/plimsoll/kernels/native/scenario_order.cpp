#include "scenario_order.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "loops.hpp"

namespace plimsoll {
namespace {

// Rows that are looked at, spread evenly, and principal components that are taken of them.
constexpr std::size_t kSample = 32, kComponents = 3;
constexpr int kSteps = 50;

using Feature = std::vector<float>;

// Rows of mean 0 and variance 1; a row that does not move is left out.
std::vector<Feature> standardised(const double* rows, std::size_t stride, std::size_t count, std::size_t scenarios,
                                  const double* largest) {
    std::vector<Feature> found;
    const std::size_t taken = std::min(count, kSample);
    for (std::size_t i = 0; i < taken; ++i) {
        const std::size_t at = count * i / taken;
        if (!(largest[at] > 0.0)) continue;
        const double* row = rows + at * stride;
        double sum = 0.0, squares = 0.0;
        for (std::size_t s = 0; s < scenarios; ++s) {
            const double x = row[s] / largest[at];
            sum += x;
            squares += x * x;
        }
        const double size = static_cast<double>(scenarios), mean = sum / size;
        const double deviation = std::sqrt(squares / size - mean * mean);
        if (!(deviation > 1e-9)) continue;
        Feature own(scenarios);
        for (std::size_t s = 0; s < scenarios; ++s) {
            own[s] = static_cast<float>((row[s] / largest[at] - mean) / deviation);
        }
        found.push_back(std::move(own));
    }
    return found;
}

double product(const Feature& x, const Feature& y) {
    double sum[4] = {};
    std::size_t s = 0;
    for (; s + 4 <= x.size(); s += 4) {
        for (std::size_t l = 0; l < 4; ++l) sum[l] += double(x[s + l]) * double(y[s + l]);
    }
    for (; s < x.size(); ++s) sum[0] += double(x[s]) * double(y[s]);
    return sum[0] + sum[1] + sum[2] + sum[3];
}

// Scores of the scenarios on the first principal components of the rows, by power iteration on their covariances.
std::vector<Feature> components(const std::vector<Feature>& rows, std::size_t scenarios) {
    const std::size_t m = rows.size();
    std::vector<double> covariance(m * m);
    for (std::size_t i = 0; i < m; ++i) {
        for (std::size_t j = 0; j <= i; ++j) covariance[i * m + j] = covariance[j * m + i] = product(rows[i], rows[j]);
    }
    std::vector<Feature> found;
    for (std::size_t c = 0; c < std::min(kComponents, m); ++c) {
        std::vector<double> axis(m), next(m);
        for (std::size_t i = 0; i < m; ++i) axis[i] = 1.0 / static_cast<double>(1 + i);
        double size = 0.0;
        for (int step = 0; step < kSteps; ++step) {
            size = 0.0;
            for (std::size_t i = 0; i < m; ++i) {
                next[i] = std::inner_product(axis.begin(), axis.end(), covariance.begin() + std::ptrdiff_t(i * m), 0.0);
                size += next[i] * next[i];
            }
            size = std::sqrt(size);
            if (!(size > 0.0)) return found;
            for (std::size_t i = 0; i < m; ++i) axis[i] = next[i] / size;
        }
        // what is left has nothing of this axis
        for (std::size_t i = 0; i < m; ++i) {
            for (std::size_t j = 0; j < m; ++j) covariance[i * m + j] -= size * axis[i] * axis[j];
        }
        Feature score(scenarios);
        for (std::size_t i = 0; i < m; ++i) {
            for (std::size_t s = 0; s < scenarios; ++s) score[s] += static_cast<float>(axis[i]) * rows[i][s];
        }
        if (!std::all_of(score.begin(), score.end(), [](float x) { return std::isfinite(x); })) return found;
        found.push_back(std::move(score));
    }
    return found;
}

// Halves [begin, end) across the widest score until a vector is left.
void halve(const std::vector<Feature>& scores, std::uint32_t* begin, std::uint32_t* end) {
    const std::size_t size = static_cast<std::size_t>(end - begin), vectors = vectors_of<double>(size);
    if (vectors <= 1) return;
    const Feature* widest = nullptr;
    float most = -1.0f;
    for (const Feature& score : scores) {
        float low = score[*begin], high = low;
        for (const std::uint32_t* s = begin; s < end; ++s) {
            low = std::min(low, score[*s]);
            high = std::max(high, score[*s]);
        }
        if (high - low > most) {
            most = high - low;
            widest = &score;
        }
    }
    std::uint32_t* middle = begin + vectors / 2 * kLanes<double>;
    std::nth_element(begin, middle, end, [widest](std::uint32_t a, std::uint32_t b) {
        return (*widest)[a] != (*widest)[b] ? (*widest)[a] < (*widest)[b] : a < b;
    });
    halve(scores, begin, middle);
    halve(scores, middle, end);
}

}  // namespace

std::vector<std::uint32_t> scenario_order(const double* rows, std::size_t stride, std::size_t count,
                                          std::size_t scenarios, const double* largest) {
    std::vector<std::uint32_t> order(scenarios);
    std::iota(order.begin(), order.end(), std::uint32_t{0});
    const std::vector<Feature> scores = components(standardised(rows, stride, count, scenarios, largest), scenarios);
    if (!scores.empty()) halve(scores, order.data(), order.data() + scenarios);
    return order;
}

}  // namespace plimsoll
