// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {EntryKind} from "../../src/message/Entry.sol";
import {WithdrawalModel} from "./WithdrawalModel.sol";

/// @notice EXHAUSTIVE: from several starts, every interleaving of deposit, void, flush, deliver, split, freeze, retry, return, request,
///         order, cancel, release, claim and receipt up to a bounded number of steps, on the real contracts of both sides. After each
///         step every total agrees with the model and the invariants hold; in each state, what the model does not allow is refused.
contract WithdrawalInterleavingTest is WithdrawalModel {
    uint256 private constant TABLE = 1 << 17;

    /// @param seen open hash table of states; the lowest byte of each is how many steps were left when it was seen
    struct Walk {
        uint256[] seen;
        uint256 states;
        uint256 steps;
        uint256 refused;
        uint256 maxDeposits;
        uint256 maxClaims;
        uint256 maxChanges;
    }

    /// @dev From here, every interleaving of at most `depth` steps.
    function _walk(uint256 depth, uint256 maxDeposits, uint256 maxClaims, uint256 maxChanges) private {
        Walk memory w;
        w.seen = new uint256[](TABLE);
        (w.maxDeposits, w.maxClaims, w.maxChanges) = (maxDeposits, maxClaims, maxChanges);
        _explore(w, depth);
        emit log_named_uint("states", w.states);
        emit log_named_uint("steps", w.steps);
        emit log_named_uint("refused", w.refused);
        assertGt(w.states, 100);
    }

    function _explore(Walk memory w, uint256 left) private {
        if (!_fresh(w, uint256(_key()), left)) return;
        uint256 free = _freePointer();
        for (uint8 a; a <= uint8(type(Action).max); ++a) {
            Action action = Action(a);
            (uint64 first, uint64 last) = _range(action);
            for (uint64 n = first; n <= last; ++n) {
                if (!_applies(w, action, n)) continue;
                _step(w, action, n, left);
                _release(free);
            }
        }
    }

    function _step(Walk memory w, Action action, uint64 n, uint256 left) private {
        bool allowed = _can(action, n);
        // Refusals are tried once in each state, and leave no trace.
        if (allowed && left == 0) return;
        bytes32 before = _key();
        uint256 snapshot = allowed ? vm.snapshotState() : 0;
        (bool done, bytes memory reason) = address(this).call(abi.encodeCall(this.run, (action, n)));
        if (done != allowed) {
            string memory what = string.concat("action ", vm.toString(uint8(action)), " of ", vm.toString(n), ": ");
            assertEq(done, allowed, string.concat(what, vm.toString(reason)));
        }
        if (!done) {
            ++w.refused;
            return;
        }
        ++w.steps;
        _check();
        _explore(w, left - 1);
        require(vm.revertToStateAndDelete(snapshot) && _key() == before, "the step was not taken back");
    }

    /// @dev What an action may be about: sequences, claims, or nothing (one round).
    function _range(Action a) private view returns (uint64 first, uint64 last) {
        if (a == Action.CancelDeposit || a == Action.Retry || a == Action.ReturnDeposit) {
            return (1, uint64(up.items.length - 1));
        }
        bool ofClaim = (a >= Action.Order && a <= Action.CancelOrdered) || a >= Action.Claim;
        return ofClaim ? (1, uint64(claims.length - 1)) : (1, 1);
    }

    /// @dev The bounds of the walk, and what is no question: nothing arrives where nothing was sent.
    function _applies(Walk memory w, Action a, uint64 n) private view returns (bool) {
        if (a == Action.Deposit) return deposits < w.maxDeposits;
        if (a == Action.Request) return claims.length <= w.maxClaims;
        if (a == Action.ChangeStanding) return changes < w.maxChanges;
        if (a == Action.CancelDeposit || a == Action.Retry || a == Action.ReturnDeposit) {
            return up.items[n].kind == EntryKind.DEPOSITED;
        }
        // An order's number is what a claim on the vault is called by.
        if (a == Action.Claim || a == Action.ReturnClaim) return claims[n].order != 0;
        if (a >= Action.Order && a <= Action.CancelOrdered) return true;
        if (a == Action.FlushUp || a == Action.FlushDown) return true;
        // One and all are the same if one waits.
        if (a == Action.DeliverAllAtHub) return up.verified > up.consumed + 1;
        if (a == Action.DeliverAllAtSpoke) return down.verified > down.consumed + 1;
        return _can(a, n);
    }

    /// @dev Whether a state was not seen yet with as many steps left.
    function _fresh(Walk memory w, uint256 key, uint256 left) private pure returns (bool) {
        key = (key & ~uint256(0xff)) | 0x80;
        uint256 slot = (key >> 8) % TABLE;
        while (w.seen[slot] != 0) {
            if ((w.seen[slot] ^ key) >> 8 == 0) {
                if ((w.seen[slot] & 0x7f) >= left) return false;
                w.seen[slot] = key | left;
                return true;
            }
            slot = (slot + 1) % TABLE;
        }
        w.seen[slot] = key | left;
        require(++w.states < TABLE / 2, "the table is too small");
        return true;
    }

    function _freePointer() private pure returns (uint256 pointer) {
        assembly {
            pointer := mload(0x40)
        }
    }

    /// @dev What a step allocated is garbage after it.
    function _release(uint256 pointer) private pure {
        assembly {
            mstore(0x40, pointer)
        }
    }

    function _do(Action action, uint64 n) private {
        this.run(action, n);
        _check();
    }

    /// @dev Deposits until they are applied or parked.
    function _doDeposits(uint256 count) private {
        for (uint256 i; i < count; ++i) _do(Action.Deposit, 0);
        _do(Action.FlushUp, 0);
        _do(Action.ArriveAtHub, 0);
        while (up.consumed < up.verified) _do(Action.DeliverOneAtHub, 0);
    }

    // ---- the walks

    /// @dev Deposits of an asset that the hub lists late: void, flush, split, park, retry, return, order.
    function test_GivenNothingYet_EveryInterleavingAgreesWithTheModel() external {
        _start(false, 18);
        _walk(8, 2, 2, 1);
    }

    /// @dev One parked, one on its way: retry against return against freeze, and the way home.
    function test_GivenAParkedDeposit_EveryInterleavingAgreesWithTheModel() external {
        _start(false, 18);
        _doDeposits(1);
        _do(Action.Deposit, 0);
        _walk(7, 2, 2, 2);
    }

    /// @dev A balance that is withdrawn: request, order, cancel before and after the order, flush, release, claim, return, receipt.
    function test_GivenABalance_EveryInterleavingAgreesWithTheModel() external {
        _start(false, 0);
        _do(Action.ChangeStanding, 0);
        _doDeposits(2);
        _walk(8, 2, 2, 1);
    }

    /// @dev The same from cash, which is reserved only when it is ordered.
    function test_GivenCash_EveryInterleavingAgreesWithTheModel() external {
        _start(true, 6);
        _do(Action.ChangeStanding, 0);
        _doDeposits(2);
        _walk(8, 2, 2, 1);
    }

    /// @dev Two orders at the vault's door, one of a deposit that goes home: release, split, claim, return and the receipts' way back.
    function test_GivenOrdersUnderWay_EveryInterleavingAgreesWithTheModel() external {
        _start(false, 18);
        _doDeposits(1);
        _do(Action.ReturnDeposit, 1);
        _do(Action.ChangeStanding, 0);
        _doDeposits(1);
        _do(Action.Request, 0);
        _do(Action.Order, 2);
        _do(Action.Order, 1);
        _do(Action.FlushDown, 0);
        _do(Action.ArriveAtSpoke, 0);
        _walk(8, 2, 2, 1);
    }
}
