// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {StandardEngine} from "./StandardEngine.sol";

/// @notice Isolated margin: each option asks for margin by itself.
contract IsolatedEngine is StandardEngine {
    constructor(
        address authority_,
        Links memory links,
        PerpetualTier[] memory tiers,
        OptionRates memory option
    ) AccessManaged(authority_) StandardEngine(links, true, tiers, option) {}
}
