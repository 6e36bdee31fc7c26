// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {PlainToken} from "./Zoo.sol";

/// @notice A token whose `transfer` misbehaves in the way it is told to, from now on.
contract MoodyToken is PlainToken(18) {
    enum Mood {
        Plain,
        Silent, // moves, returns nothing
        False, // moves nothing, returns false
        Idle, // moves nothing, returns true
        Refuse, // reverts
        BurnGas,
        ReturnBomb, // moves, returns a megabyte
        RevertBomb, // reverts with a megabyte
        TakeMore, // moves, and burns one unit of the sender on top
        GiveLess // moves one unit less
    }

    uint256 private constant MEGABYTE = 1 << 20;

    Mood public mood;

    error Refused();

    function setMood(Mood mood_) external {
        mood = mood_;
    }

    /// @dev Whether a payout in this mood reaches its receiver.
    function pays(Mood mood_) external pure returns (bool) {
        return mood_ == Mood.Plain || mood_ == Mood.Silent;
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        Mood m = mood;
        if (m == Mood.False) return false;
        if (m == Mood.Idle) return true;
        if (m == Mood.Refuse) revert Refused();
        if (m == Mood.BurnGas) while (true) {}
        if (m == Mood.RevertBomb) {
            assembly ("memory-safe") {
                revert(0, MEGABYTE)
            }
        }
        _transfer(msg.sender, to, m == Mood.GiveLess && amount != 0 ? amount - 1 : amount);
        if (m == Mood.TakeMore) _burn(msg.sender, 1);
        if (m == Mood.Silent) {
            assembly ("memory-safe") {
                return(0, 0)
            }
        }
        if (m == Mood.ReturnBomb) {
            assembly ("memory-safe") {
                return(0, MEGABYTE)
            }
        }
        return true;
    }
}

/// @notice Receivers of native coin, each bad in one way, until it is told to behave.
contract MoodyPayee {
    enum Mood {
        Plain,
        Refuse,
        BurnGas,
        ReturnBomb,
        RevertBomb,
        Hungry // takes what a plain wallet contract never needs: three new slots
    }

    uint256 private constant MEGABYTE = 1 << 20;

    Mood public mood;
    address public target;
    bytes public data;
    bool public succeeded;
    uint256[3] private _slots;

    error Refused();

    function setMood(Mood mood_) external {
        mood = mood_;
    }

    /// @dev Calls this while it is paid.
    function arm(address target_, bytes calldata data_) external {
        (target, data) = (target_, data_);
    }

    receive() external payable {
        Mood m = mood;
        if (target != address(0)) (succeeded, ) = target.call(data);
        if (m == Mood.Refuse) revert Refused();
        if (m == Mood.BurnGas) while (true) {}
        if (m == Mood.ReturnBomb || m == Mood.RevertBomb) {
            assembly ("memory-safe") {
                if eq(m, 3) {
                    return(0, MEGABYTE)
                }
                revert(0, MEGABYTE)
            }
        }
        if (m == Mood.Hungry) (_slots[0], _slots[1], _slots[2]) = (1, 1, 1);
    }

    /// @dev Makes this contract act on its own behalf.
    function act(address to, bytes calldata call_) external returns (bytes memory result) {
        bool ok;
        (ok, result) = to.call(call_);
        if (!ok) {
            assembly ("memory-safe") {
                revert(add(result, 32), mload(result))
            }
        }
    }
}
