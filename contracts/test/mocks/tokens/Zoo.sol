// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @notice Tokens as they are found in the wild. Each differs from a plain one in the one way its name says.
contract PlainToken is ERC20 {
    uint8 private immutable _places;

    constructor(uint8 places) ERC20("Plain", "PLN") {
        _places = places;
    }

    function decimals() public view override returns (uint8) {
        return _places;
    }

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }
}

/// @dev One percent of every transfer is burnt.
contract FeeOnTransferToken is PlainToken(18) {
    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        if (from != address(0) && to != address(0)) super._update(to, address(0), value / 100);
    }
}

/// @dev Takes more from the sender than was asked for.
contract OverChargingToken is PlainToken(18) {
    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        if (from != address(0) && to != address(0)) super._update(from, address(0), value / 100);
    }
}

contract BlacklistToken is PlainToken(6) {
    mapping(address who => bool) public blocked;

    error Blocked(address who);

    function blockAccount(address who) external {
        blocked[who] = true;
    }

    function _update(address from, address to, uint256 value) internal override {
        require(!blocked[from] && !blocked[to], Blocked(blocked[from] ? from : to));
        super._update(from, to, value);
    }
}

/// @dev Balances shrink by governance of the token: listed only by mistake.
contract RebasingToken is PlainToken(18) {
    function shrink(address who, uint256 amount) external {
        _burn(who, amount);
    }
}

/// @dev Calls back whoever sends or receives, as ERC-777 does.
contract HookToken is PlainToken(18) {
    address public target;
    bytes public data;
    bool public succeeded;

    function arm(address target_, bytes calldata data_) external {
        (target, data) = (target_, data_);
    }

    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        if (target == address(0) || from == address(0)) return;
        (succeeded, ) = target.call(data);
    }
}

/// @dev Old style: transfers return nothing, or false instead of reverting.
contract OldToken {
    uint8 public constant decimals = 18;
    bool public immutable silent;
    mapping(address who => uint256) public balanceOf;

    constructor(bool silent_) {
        silent = silent_;
    }

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function transferFrom(address from, address to, uint256 amount) external {
        _move(from, to, amount);
    }

    function transfer(address to, uint256 amount) external {
        _move(msg.sender, to, amount);
    }

    function _move(address from, address to, uint256 amount) private {
        bool ok = balanceOf[from] >= amount;
        if (ok) {
            balanceOf[from] -= amount;
            balanceOf[to] += amount;
        } else if (silent) {
            revert();
        }
        if (silent) return;
        assembly ("memory-safe") {
            mstore(0, ok)
            return(0, 0x20)
        }
    }
}

contract RevertingToken is PlainToken(18) {
    error Never();

    function _update(address from, address to, uint256 value) internal override {
        require(from == address(0), Never());
        super._update(from, to, value);
    }
}
