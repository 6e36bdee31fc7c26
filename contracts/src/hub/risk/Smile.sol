// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Fixed} from "../../math/Fixed.sol";

/// @title Volatility smile of one expiry: three numbers, free of static arbitrage by closed conditions
/// @notice vol(k) = vol * sqrt((1 + rho phi k + sqrt((phi k + rho)^2 + 1 - rho^2)) / 2), k = ln(K/F): a slice of the surface SVI family
/// (Gatheral and Jacquier, "Arbitrage-free SVI volatility surfaces"), written in volatility, so that it does not depend on the time left.
/// @dev A slice is packed in 112 bits, low to high: vol uint32 (at the money forward, per sqrt year, 1e-8) | rho int32 (1e-9) | phi uint48
/// (1e-9). Twin, bit for bit: shared/src/risk/smile.ts; vectors: shared/vectors/risk/smile.json.
library Smile {
    uint256 internal constant VOL_ONE = 1e8;
    int256 internal constant RHO_ONE = 1e9;
    uint256 internal constant PHI_ONE = 1e9;
    /// @notice A year, seconds.
    uint256 internal constant YEAR = 365 days;

    function pack(uint32 vol, int32 rho, uint48 phi) internal pure returns (uint128) {
        // CAST: the sign bits of rho are cut off by the mask of its 32 bits.
        return uint128(vol) | (uint128(uint32(rho)) << 32) | (uint128(phi) << 64);
    }

    function unpack(uint128 slice) internal pure returns (uint256 vol, int256 rho, uint256 phi) {
        // CAST: each field is cut to its width.
        vol = uint32(slice);
        rho = int32(uint32(slice >> 32));
        phi = uint48(slice >> 64);
    }

    /// @notice Volatility at log-moneyness k. Total: any packed value gives a number; rounded down.
    /// @param slice Packed slice.
    /// @param k ln(K/F), Q64, |k| < 2^71 (what Fixed.lnRatio gives).
    /// @return sigma Per sqrt year, Q64.
    function volatility(uint128 slice, int256 k) internal pure returns (uint256 sigma) {
        (uint256 vol, int256 rho, uint256 phi) = unpack(slice);
        // |wing| < 2^90 and |tilt| < 2^66: every product stays below 2^183.
        unchecked {
            int256 wing = (int256(phi) * k) / int256(PHI_ONE);
            int256 tilt = (rho << 64) / RHO_ONE;
            int256 square = ((wing + tilt) * (wing + tilt)) >> 64;
            int256 rest = int256(Fixed.ONE) - ((tilt * tilt) >> 64);
            if (square + rest < 0) return 0;
            int256 shape = int256(Fixed.ONE) + ((tilt * wing) >> 64) + int256(Fixed.sqrt(uint256(square + rest)));
            if (shape <= 0) return 0;
            sigma = (((vol << 64) / VOL_ONE) * Fixed.sqrt(uint256(shape) >> 1)) >> 64;
        }
    }

    /// @notice Whether the fields are in range: vol and 1 - |rho| positive, nothing above the 112 bits.
    function isWellFormed(uint128 slice) internal pure returns (bool) {
        (uint256 vol, int256 rho, ) = unpack(slice);
        return vol != 0 && rho > -RHO_ONE && rho < RHO_ONE && slice >> 112 == 0;
    }

    /// @notice No butterfly arbitrage (density >= 0 at every strike, wings below Lee's slope): theta phi (1 + |rho|) < 4 and
    /// theta phi^2 (1 + |rho|) <= 4 with theta = vol^2 T, which is sufficient. It keeps holding as T falls.
    /// @param time To expiry, seconds, below 2^40.
    function isButterflyFree(uint128 slice, uint256 time) internal pure returns (bool) {
        (uint256 vol, int256 rho, uint256 phi) = unpack(slice);
        // Below 2^104 * 2^32 * 2^96.
        unchecked {
            uint256 theta = vol * vol * time;
            uint256 leaning = uint256(RHO_ONE + (rho < 0 ? -rho : rho));
            uint256 limit = 4 * VOL_ONE * VOL_ONE * YEAR * uint256(RHO_ONE) * PHI_ONE;
            return theta * leaning * phi < limit && theta * leaning * phi * phi <= limit * PHI_ONE;
        }
    }

    /// @notice No calendar arbitrage between two expiries: total variance does not fall with time at any strike. Sufficient: theta and
    /// both wing slopes theta phi (1 +- rho) do not fall, and phi does not rise. It keeps holding as both times fall together.
    /// @param nearTime To the nearer expiry, seconds, below 2^40.
    /// @param farTime To the farther one, at least nearTime.
    function isCalendarFree(uint128 near, uint256 nearTime, uint128 far, uint256 farTime) internal pure returns (bool) {
        (uint256 vol, int256 rho, uint256 phi) = unpack(near);
        (uint256 farVol, int256 farRho, uint256 farPhi) = unpack(far);
        // Below 2^104 * 2^48 * 2^32.
        unchecked {
            uint256 theta = vol * vol * nearTime;
            uint256 farTheta = farVol * farVol * farTime;
            return
                farTheta >= theta &&
                farPhi <= phi &&
                farTheta * farPhi * uint256(RHO_ONE + farRho) >= theta * phi * uint256(RHO_ONE + rho) &&
                farTheta * farPhi * uint256(RHO_ONE - farRho) >= theta * phi * uint256(RHO_ONE - rho);
        }
    }
}
