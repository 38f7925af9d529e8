// Fast seeded normal deviates.
#pragma once

#include <cmath>
#include <cstdint>

namespace formats {

// xoshiro256++ (Blackman & Vigna 2021, ACM TOMS 47, 36), seeded through splitmix64.
class Random {
 public:
  explicit Random(std::uint64_t seed) {
    for (std::uint64_t& word : state_) {
      seed += 0x9e3779b97f4a7c15u;
      std::uint64_t mixed = seed;
      mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
      mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
      word = mixed ^ (mixed >> 31);
    }
  }

  std::uint64_t next() {
    const std::uint64_t result = rotate(state_[0] + state_[3], 23) + state_[0];
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = rotate(state_[3], 45);
    return result;
  }

 private:
  static std::uint64_t rotate(std::uint64_t value, int bits) {
    return (value << bits) | (value >> (64 - bits));
  }
  std::uint64_t state_[4];
};

// The ziggurat of Marsaglia & Tsang (2000), J. Stat. Software 5(8), with 128 layers; layer and
// abscissa come from separate bits, which avoids the correlation that Doornik (2005) describes.
class Gaussian {
 public:
  explicit Gaussian(std::uint64_t seed) : random_(seed), table_(table()) {}

  float next() {
    while (true) {
      const std::uint64_t bits = random_.next();
      const unsigned layer = bits & 127;
      const float unit = static_cast<float>(static_cast<std::int32_t>(bits >> 32)) * 0x1p-31f;
      const float x = unit * table_.edge[layer];
      if (std::fabs(unit) < table_.inside[layer]) return x;
      if (layer == 0) return tail(unit < 0);
      const float height = table_.height[layer] +
                           uniform() * (table_.height[layer + 1] - table_.height[layer]);
      if (height < std::exp(-0.5f * x * x)) return x;
    }
  }

 private:
  static constexpr int LAYERS = 128;
  static constexpr double TAIL = 3.442619855899;
  static constexpr double AREA = 9.91256303526217e-3;

  // Layer k has right edge edge[k]; layer 0 is the base strip with the tail.
  struct Table {
    float edge[LAYERS + 1];
    float inside[LAYERS];
    float height[LAYERS + 1];
  };

  static const Table& table() {
    static const Table filled = [] {
      Table t{};
      double edge[LAYERS + 1];
      edge[0] = AREA / std::exp(-0.5 * TAIL * TAIL);
      edge[1] = TAIL;
      for (int k = 2; k < LAYERS; k++) {
        const double above = std::exp(-0.5 * edge[k - 1] * edge[k - 1]) + AREA / edge[k - 1];
        edge[k] = std::sqrt(-2 * std::log(above));
      }
      edge[LAYERS] = 0;
      for (int k = 0; k <= LAYERS; k++) {
        t.edge[k] = static_cast<float>(edge[k]);
        t.height[k] = static_cast<float>(std::exp(-0.5 * edge[k] * edge[k]));
        if (k < LAYERS) t.inside[k] = static_cast<float>(edge[k + 1] / edge[k]);
      }
      return t;
    }();
    return filled;
  }

  float uniform() { return (static_cast<float>(random_.next() >> 40) + 0.5f) * 0x1p-24f; }

  // Marsaglia (1964): the tail beyond the base strip.
  float tail(bool negative) {
    while (true) {
      const float x = -std::log(uniform()) / static_cast<float>(TAIL);
      const float y = -std::log(uniform());
      if (y + y < x * x) continue;
      const float value = static_cast<float>(TAIL) + x;
      return negative ? -value : value;
    }
  }

  Random random_;
  const Table& table_;
};

}  // namespace formats
