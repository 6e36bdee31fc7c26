// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {StandardEngine} from "./StandardEngine.sol";

/// @notice Cross margin: an expiry's options offset each other up to their greatest loss.
contract CrossEngine is StandardEngine {
    constructor(
        address authority_,
        Links memory links,
        PerpetualTier[] memory tiers,
        OptionRates memory option
    ) AccessManaged(authority_) StandardEngine(links, false, tiers, option) {}
}
