// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IMessenger} from "../../message/IMessenger.sol";
import {ILiquidation} from "./ILiquidation.sol";

/// @notice By which chains an account can be topped up, and for how long new auctions wait while every one of them is closed.
/// @dev Deposits of any chain reach any account, so the routes are the same for all. One closed route stops nothing. While all are closed, an
///      owner who wants to add collateral cannot: an auction that is not open yet waits `grace` seconds from the moment the last one closed,
///      once per outage. An outage that begins less than SAME_OUTAGE after the last one began is part of it.
interface IRoutes {
    /// @notice The chains whose deposits count as top-up routes.
    event RoutesSet(uint32[] eids);
    /// @param closed declared by the guardian, or its path is quarantined
    event RouteChanged(uint32 indexed eid, bool closed, bool declared);
    /// @notice The last open route closed.
    /// @param graceUntil seconds; new auctions wait until then; in the past for an outage that had its grace
    event OutageBegan(uint32 graceUntil);
    event OutageEnded();
    event GraceSet(uint40 grace);

    error RouteUnknown(uint32 eid);
    error RouteUnchanged(uint32 eid, bool closed);
    error GraceInvalid(uint256 grace, uint256 maximum);
    error RoutesInvalid(string expected);
    /// @notice Its liquidation goes by other routes.
    error NotHeard(address liquidation);

    // ---- anyone

    /// @notice Books what the Messenger says of a route: closed while its path is quarantined. What the guardian declared stays declared.
    function report(uint32 eid) external;

    /// @notice Tells its liquidation what is, as it does by itself whenever that changes.
    function inform() external;

    // ---- governance (restricted)

    /// @notice Says that deposits of a chain do not get through (halted, paused), or do again. GUARDIAN, at once.
    function declare(uint32 eid, bool closed) external;
    /// @notice Replaces the routes; all begin as open, none declared. GOVERNOR, delayed.
    /// @param eids strictly ascending, at most 32; none: there is never a grace
    function setRoutes(uint32[] calldata eids) external;
    /// @notice Seconds, at most 60 minutes; of outages to come. GOVERNOR, delayed.
    function setGrace(uint40 grace) external;

    // ---- views

    /// @notice Until when new auctions wait, seconds; 0 while any route is open.
    function graceUntil() external view returns (uint32);
    function routes() external view returns (uint32[] memory eids);
    function isOpen(uint32 eid) external view returns (bool);
    function grace() external view returns (uint40);
    function messenger() external view returns (IMessenger);
    /// @notice Who is told of outages: ILiquidation.reportOutage.
    function liquidation() external view returns (ILiquidation);
}
