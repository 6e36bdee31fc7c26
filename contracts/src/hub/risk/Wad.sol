// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

/// @title 18-decimal arithmetic that says which way it rounds
/// @notice Twin: shared/src/risk/decimal.ts.
library Wad {
    int256 internal constant ONE = 1e18;

    /// @notice floor(a / b) for b > 0, towards minus infinity.
    function floorDiv(int256 a, int256 b) internal pure returns (int256 q) {
        unchecked {
            q = a / b;
            // Without a branch: everything is rounded by this.
            assembly ("memory-safe") {
                q := sub(q, slt(smod(a, b), 0))
            }
        }
    }

    /// @notice Product of two wads, rounded down.
    function mulDown(int256 a, int256 b) internal pure returns (int256) {
        return floorDiv(a * b, ONE);
    }

    /// @notice Product of two wads, rounded up.
    function mulUp(int256 a, int256 b) internal pure returns (int256) {
        return -floorDiv(-a * b, ONE);
    }

    function abs(int256 a) internal pure returns (int256) {
        return a < 0 ? -a : a;
    }

    function min(int256 a, int256 b) internal pure returns (int256) {
        return a < b ? a : b;
    }

    function max(int256 a, int256 b) internal pure returns (int256) {
        return a > b ? a : b;
    }
}
