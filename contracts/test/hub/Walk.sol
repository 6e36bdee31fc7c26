// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Test} from "forge-std/Test.sol";
import {Account as HubAccount} from "../../src/types/Account.sol";
import {MarketsWorld} from "./MarketsWorld.sol";

/// @notice A random walk over the whole hub: what is done next follows from a seed, what was done and refused is counted.
abstract contract Walk is MarketsWorld {
    mapping(bytes32 action => uint256) public done;
    mapping(bytes4 selector => bool) private _expected;
    /// @dev Each may take 1e-18 out of what positions hold.
    uint256 internal _roundings;
    uint256 private _seed;

    function step(uint256 seed) external {
        _seed = seed;
        _act();
    }

    /// @notice What must hold at any time.
    function check() external view virtual;

    /// @dev One action by chance.
    function _act() internal virtual;

    // ---- refusals

    /// @dev A refusal that belongs to the rules.
    function _expect(bytes4 selector) internal {
        _expected[selector] = true;
    }

    /// @dev Anything that was not expected is a fault of the contracts or of this walk.
    function _refused(bytes memory reason) internal {
        bytes4 selector = bytes4(reason);
        if (_expected[selector]) {
            ++done[bytes32(selector)];
            return;
        }
        assembly ("memory-safe") {
            revert(add(reason, 32), mload(reason))
        }
    }

    // ---- chance

    function _any() internal returns (HubAccount) {
        return accounts[_next(accounts.length)];
    }

    function _next(uint256 below) internal returns (uint256) {
        _seed = uint256(keccak256(abi.encode(_seed)));
        return (_seed >> 8) % below;
    }
}

/// @notice What the fuzzer may touch; it finds only contracts that are declared in the file of their test.
abstract contract WalkActor {
    Walk private immutable _walk;

    constructor(Walk walk) {
        _walk = walk;
    }

    function step(uint256 seed) external {
        _walk.step(seed);
    }
}

/// @notice A walk under the fuzzer, and one long walk.
abstract contract WalkTest is Test {
    Walk internal walk;

    function _walkLong(uint256 seed, uint256 steps) internal {
        for (uint256 i = 0; i < steps; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            walk.step(seed);
            if (i % 20 == 0) walk.check();
        }
        walk.check();
    }

    function _assertDone(bytes32 action) internal view {
        assertGt(walk.done(action), 0, string(abi.encodePacked("never: ", action)));
    }
}
