// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Fixed} from "./Fixed.sol";
import {Normal} from "./Normal.sol";

/// @title Black-76 in fixed point: price and sensitivities of a European option on a forward
/// @notice Total: tails saturate, no input inside the stated ranges reverts. Twin: shared/src/risk/math/black76.ts.
library Black76 {
    /// @notice Forward and strike share any unit below 2^128; sigma, time and discount are Q64, sigma and time below 2^96, discount
    /// below 2^66.
    struct Terms {
        uint128 forward;
        uint128 strike;
        uint256 sigma;
        uint256 time;
        uint256 discount;
        bool isCall;
    }

    /// @notice price, vega, theta (per year of time passing) and rho (at an unchanged forward) in the unit of the forward; delta and
    /// gamma (times F: the change of delta for a relative move of 1) in Q64.
    struct Greeks {
        int256 price;
        int256 delta;
        int256 gamma;
        int256 vega;
        int256 theta;
        int256 rho;
    }

    /// @notice Total volatilities above this price as this: the call is worth its forward there to the last bit.
    uint256 internal constant MAX_TOTAL_VOL = 64 << 64;

    /// @notice sigma * sqrt(time) in Q64, capped at 64.
    function totalVolatility(uint256 sigma, uint256 time) internal pure returns (uint256 v) {
        // Below 2^96 * 2^80.
        unchecked {
            v = (sigma * Fixed.sqrt(time)) >> 64;
        }
        if (v > MAX_TOTAL_VOL) v = MAX_TOTAL_VOL;
    }

    /// @notice Undiscounted call: F N(d1) - K N(d2) held within [max(F - K, 0), F]; error <= 2.4e-10 (F + K), below 1e-8 F up to
    /// K = 40 F.
    /// @param table Pointer from Normal.load.
    /// @param totalVol sigma * sqrt(T), Q64; anything above 64 counts as 64.
    function undiscountedCall(
        uint256 table,
        uint128 forward,
        uint128 strike,
        uint256 totalVol
    ) internal pure returns (uint256 value) {
        unchecked {
            uint256 intrinsic = forward > strike ? uint256(forward) - strike : 0;
            if (totalVol == 0 || forward == 0 || strike == 0) return intrinsic;
            if (totalVol > MAX_TOTAL_VOL) totalVol = MAX_TOTAL_VOL;
            // |ln| < 2^71, so the quotient stays below 2^135; prices are below 2^128 and probabilities at most 2^64.
            int256 d1 = (Fixed.lnRatio(forward, strike) << 64) / int256(totalVol) + int256(totalVol >> 1);
            (uint256 n1, uint256 n2) = Normal.cdfs(table, d1, d1 - int256(totalVol));
            int256 spread = int256(forward * n1 - strike * n2) >> 64;
            if (spread < int256(intrinsic)) return intrinsic;
            value = uint256(spread);
            if (value > forward) value = forward;
        }
    }

    /// @notice Present value of a call or put; a put is its call - F + K, so parity is exact before discounting. Rounded down.
    function price(uint256 table, Terms memory terms) internal pure returns (uint256 value) {
        unchecked {
            value = undiscountedCall(table, terms.forward, terms.strike, totalVolatility(terms.sigma, terms.time));
            if (!terms.isCall) value = value + terms.strike - terms.forward;
            value = (value * terms.discount) >> 64;
        }
    }

    /// @notice Price and sensitivities. At expiry (or no volatility) delta is 0 or the signed discount, gamma, vega and the diffusion
    /// part of theta are 0.
    function greeks(uint256 table, Terms memory terms) internal pure returns (Greeks memory g) {
        unchecked {
            int256 discount = int256(terms.discount);
            g.price = int256(price(table, terms));
            g.rho = -((int256(terms.time) * g.price) >> 64);
            if (terms.time != 0) {
                g.theta = (((-Fixed.ln(terms.discount) << 64) / int256(terms.time)) * g.price) >> 64;
            }
            uint256 v = totalVolatility(terms.sigma, terms.time);
            if (v == 0 || terms.forward == 0 || terms.strike == 0) {
                if (terms.isCall) g.delta = terms.forward > terms.strike ? discount : int256(0);
                else g.delta = terms.forward < terms.strike ? -discount : int256(0);
                return g;
            }
            int256 d1 = (Fixed.lnRatio(terms.forward, terms.strike) << 64) / int256(v) + int256(v >> 1);
            int256 n = int256(Normal.cdf(table, d1)) - (terms.isCall ? int256(0) : int256(Fixed.ONE));
            g.delta = (n * discount) >> 64;
            _diffusion(g, terms, v, (Normal.pdf(d1) * terms.discount) >> 64);
        }
    }

    function _diffusion(Greeks memory g, Terms memory terms, uint256 v, uint256 density) private pure {
        unchecked {
            uint256 root = Fixed.sqrt(terms.time);
            uint256 spread = (uint256(terms.forward) * density) >> 64;
            g.gamma = int256((density << 64) / v);
            g.vega = int256((spread * root) >> 64);
            if (root != 0) g.theta -= int256((spread * terms.sigma) / (root << 1));
        }
    }

    /// @notice One cell of a risk sheet: the undiscounted call over the unshocked forward, x N(d1) - k N(d2), never negative. All Q64.
    /// @param moneyness ln(F/K) * inverseVol + v/2 of the unshocked forward, |moneyness| < 2^128.
    /// @param inverseVol 1/v, below 2^128.
    /// @param v Shocked sigma * sqrt(T).
    /// @param lnShock ln x.
    /// @param shock x, the forward's move, below 2^128.
    /// @param k K/F, below 2^128.
    function cell(
        uint256 table,
        int256 moneyness,
        int256 inverseVol,
        uint256 v,
        int256 lnShock,
        uint256 shock,
        uint256 k
    ) internal pure returns (uint256 value) {
        unchecked {
            int256 d1 = moneyness + ((lnShock * inverseVol) >> 64);
            (uint256 n1, uint256 n2) = Normal.cdfs(table, d1, d1 - int256(v));
            uint256 gain = shock * n1;
            uint256 cost = k * n2;
            value = gain > cost ? (gain - cost) >> 64 : 0;
        }
    }
}
