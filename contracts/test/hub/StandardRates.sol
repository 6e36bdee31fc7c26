// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IStandardEngine} from "../../src/hub/risk/IStandardEngine.sol";

/// @notice Rates of the closed forms that tests begin with: 5% and 3% of a perpetual, more beyond a size; 15% and 10% of what options stand on.
library StandardRates {
    function option() internal pure returns (IStandardEngine.OptionRates memory) {
        return IStandardEngine.OptionRates(15e7, 1e8, 75e6, 75e6, 12e8, 11e8);
    }

    /// @param size from which on a perpetual asks for twice as much, cash, 18 decimals; 0: never
    function perpetual(uint128 size) internal pure returns (IStandardEngine.PerpetualTier[] memory tiers) {
        tiers = new IStandardEngine.PerpetualTier[](size == 0 ? 1 : 2);
        tiers[0] = IStandardEngine.PerpetualTier(0, 5e7, 3e7);
        if (size != 0) tiers[1] = IStandardEngine.PerpetualTier(size, 1e8, 6e7);
    }
}
