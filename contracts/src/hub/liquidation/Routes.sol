// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IMessenger} from "../../message/IMessenger.sol";
import {ILiquidation} from "./ILiquidation.sol";
import {IRoutes} from "./IRoutes.sol";

/// @notice See IRoutes.
/// @dev What is closed is written down when it is seen: a moment that only a view would know could not be told from any other.
contract Routes is IRoutes, AccessManaged {
    uint40 private constant MAX_GRACE = 60 minutes;
    uint40 private constant SAME_OUTAGE = 6 hours;
    uint256 private constant MAX_ROUTES = 32;

    enum State {
        Unknown,
        Open,
        Quarantined,
        Declared
    }

    /// @inheritdoc IRoutes
    IMessenger public immutable messenger;
    /// @inheritdoc IRoutes
    ILiquidation public immutable liquidation;
    /// @inheritdoc IRoutes
    uint40 public grace = MAX_GRACE;
    /// @dev Of the outage that is, or was last.
    uint40 private _beganAt;
    uint32 private _graceUntil;
    uint8 private _open;
    uint32[] private _eids;
    mapping(uint32 eid => State) private _states;

    constructor(address authority, IMessenger messenger_, ILiquidation liquidation_) AccessManaged(authority) {
        (messenger, liquidation) = (messenger_, liquidation_);
    }

    // ---- anyone

    /// @inheritdoc IRoutes
    function report(uint32 eid) external {
        State state = _stateOf(eid);
        require(state != State.Declared, RouteUnchanged(eid, true));
        _set(eid, state, messenger.isQuarantined(eid) ? State.Quarantined : State.Open);
    }

    /// @inheritdoc IRoutes
    function inform() external {
        require(_isHeard(), NotHeard(address(liquidation)));
        liquidation.reportOutage(graceUntil());
    }

    // ---- governance

    /// @inheritdoc IRoutes
    function declare(uint32 eid, bool closed) external restricted {
        State state = _stateOf(eid);
        State open = messenger.isQuarantined(eid) ? State.Quarantined : State.Open;
        _set(eid, state, closed ? State.Declared : open);
    }

    /// @inheritdoc IRoutes
    function setRoutes(uint32[] calldata eids) external restricted {
        require(eids.length <= MAX_ROUTES, RoutesInvalid("at most 32"));
        for (uint256 i; i < _eids.length; ++i) delete _states[_eids[i]];
        for (uint256 i; i < eids.length; ++i) {
            require(eids[i] > (i == 0 ? 0 : eids[i - 1]), RoutesInvalid("strictly ascending, from 1"));
            _states[eids[i]] = State.Open;
        }
        _eids = eids;
        // CAST: at most 32.
        _open = uint8(eids.length);
        emit RoutesSet(eids);
        _tell();
    }

    /// @inheritdoc IRoutes
    function setGrace(uint40 grace_) external restricted {
        require(grace_ <= MAX_GRACE, GraceInvalid(grace_, MAX_GRACE));
        grace = grace_;
        emit GraceSet(grace_);
    }

    // ---- views

    /// @inheritdoc IRoutes
    function graceUntil() public view returns (uint32) {
        return _open == 0 && _eids.length != 0 ? _graceUntil : 0;
    }

    /// @inheritdoc IRoutes
    function routes() external view returns (uint32[] memory) {
        return _eids;
    }

    /// @inheritdoc IRoutes
    function isOpen(uint32 eid) external view returns (bool) {
        return _states[eid] == State.Open;
    }

    // ---- inner

    function _stateOf(uint32 eid) private view returns (State state) {
        state = _states[eid];
        require(state != State.Unknown, RouteUnknown(eid));
    }

    function _set(uint32 eid, State from, State to) private {
        require(from != to, RouteUnchanged(eid, from != State.Open));
        _states[eid] = to;
        emit RouteChanged(eid, to != State.Open, to == State.Declared);
        if (to == State.Open) {
            if (_open++ != 0) return;
            emit OutageEnded();
            _tell();
        } else if (from == State.Open && --_open == 0) {
            // CAST: seconds.
            uint40 time = uint40(block.timestamp);
            // CAST: below 2^32 until 2106.
            if (_beganAt == 0 || time >= _beganAt + SAME_OUTAGE) (_beganAt, _graceUntil) = (time, uint32(time + grace));
            emit OutageBegan(_graceUntil);
            _tell();
        }
    }

    /// @dev Who starts auctions is told when it changes, and need not ask at each start. Until he is given these routes he takes no word of them,
    ///      and then he asks.
    function _tell() private {
        if (_isHeard()) liquidation.reportOutage(graceUntil());
    }

    function _isHeard() private view returns (bool) {
        return address(liquidation.routes()) == address(this);
    }
}
