// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {TestToken} from "./TestToken.sol";

/// @notice A token for local chains whose issuer can refuse holders and stop all transfers, as issuers of large stable tokens can.
///         Here anyone may play the issuer.
contract BlocklistToken is TestToken {
    mapping(address holder => bool) public isBlocked;
    bool public paused;

    error HolderBlocked(address holder);
    error TransfersPaused();

    constructor(string memory name_, string memory symbol_, uint8 decimals_) TestToken(name_, symbol_, decimals_) {}

    function setBlocked(address holder, bool blocked) external {
        isBlocked[holder] = blocked;
    }

    function setPaused(bool paused_) external {
        paused = paused_;
    }

    /// @dev Every movement of tokens comes through here.
    function _update(address from, address to, uint256 value) internal override {
        require(!paused, TransfersPaused());
        require(!isBlocked[from], HolderBlocked(from));
        require(!isBlocked[to], HolderBlocked(to));
        super._update(from, to, value);
    }
}
