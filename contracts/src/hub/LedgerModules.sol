// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {ILedger} from "./ILedger.sol";
import {IMarginCheck} from "./IMarginCheck.sol";

/// @notice Who may move the ledger, and who judges what owners move.
abstract contract LedgerModules is AccessManaged, ILedger {
    /// @inheritdoc ILedger
    mapping(address module => bool) public isModule;
    /// @inheritdoc ILedger
    IMarginCheck public marginCheck;

    modifier onlyModule() {
        _checkModule();
        _;
    }

    /// @inheritdoc ILedger
    function setModule(address module, bool enabled) external restricted {
        isModule[module] = enabled;
        emit ModuleSet(module, enabled);
    }

    /// @inheritdoc ILedger
    function setMarginCheck(IMarginCheck marginCheck_) external restricted {
        marginCheck = marginCheck_;
        emit MarginCheckSet(address(marginCheck_));
    }

    /// @dev Apart from the modifier, whose code is copied to wherever it stands.
    function _checkModule() private view {
        require(isModule[msg.sender], NotModule(msg.sender));
    }
}
