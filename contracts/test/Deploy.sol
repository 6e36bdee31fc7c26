// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Vm} from "forge-std/Vm.sol";
import {Delegates} from "../src/hub/Delegates.sol";
import {Gateway} from "../src/hub/Gateway.sol";
import {InterestModel} from "../src/hub/InterestModel.sol";
import {Ledger} from "../src/hub/Ledger.sol";
import {Withdrawals} from "../src/hub/Withdrawals.sol";
import {Messenger} from "../src/message/Messenger.sol";
import {CollateralVault} from "../src/spoke/CollateralVault.sol";

/// @notice Creates contracts from their compiled artifacts: tests run the very code that is deployed. With `new` every test contract would
///         carry, and optimise again, a copy of it, which takes the compiler minutes.
library Deploy {
    Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    function messenger(address endpoint, address authority) internal returns (Messenger) {
        return Messenger(payable(create("src/message/Messenger.sol:Messenger", abi.encode(endpoint, authority))));
    }

    function vault(
        address authority,
        address messenger_,
        uint32 hub,
        address permit2
    ) internal returns (CollateralVault) {
        bytes memory args = abi.encode(authority, messenger_, hub, permit2);
        return CollateralVault(create("src/spoke/CollateralVault.sol:CollateralVault", args));
    }

    function ledger(address authority, uint32 hub) internal returns (Ledger) {
        return Ledger(create("src/hub/Ledger.sol:Ledger", abi.encode(authority, hub)));
    }

    function gateway(address authority, address messenger_, address ledger_) internal returns (Gateway) {
        return Gateway(create("src/hub/Gateway.sol:Gateway", abi.encode(authority, messenger_, ledger_)));
    }

    function delegates(address authority, address messenger_, uint32 hub) internal returns (Delegates) {
        return Delegates(create("src/hub/Delegates.sol:Delegates", abi.encode(authority, messenger_, hub)));
    }

    function withdrawals(
        address authority,
        address messenger_,
        address ledger_,
        address delegates_,
        address gateway_
    ) internal returns (Withdrawals) {
        bytes memory args = abi.encode(authority, messenger_, ledger_, delegates_, gateway_);
        return Withdrawals(create("src/hub/Withdrawals.sol:Withdrawals", args));
    }

    /// @return the model with the rates that networks begin with: 2% + 8% of the utilisation, from 85% on steeply to 90%
    function interestModel() internal returns (InterestModel) {
        bytes memory args = abi.encode(0.02e18, 0.08e18, 0.85e18, 0.9e18);
        return InterestModel(create("src/hub/InterestModel.sol:InterestModel", args));
    }

    /// @param artifact `path:Contract`, of something without a function here
    /// @param args     its constructor's arguments, encoded
    function create(string memory artifact, bytes memory args) internal returns (address created) {
        bytes memory code = bytes.concat(vm.getCode(artifact), args);
        assembly ("memory-safe") {
            created := create(0, add(code, 32), mload(code))
            if iszero(created) {
                returndatacopy(0, 0, returndatasize())
                revert(0, returndatasize())
            }
        }
    }
}
