// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Origin} from "@layerzerolabs/lz-evm-protocol-v2/contracts/interfaces/ILayerZeroEndpointV2.sol";

/// @notice LayerZero executor of Lockstep's routes: prices jobs at the source; commits and executes many packets in one
///         transaction at the destination. One bad item never reverts the others.
interface IBatchExecutor {
    /// @param receiver     OApp that receives the message
    /// @param gasLimit     gas of the lzReceive call
    struct Item {
        bytes packetHeader;
        Origin origin;
        address receiver;
        bytes32 guid;
        bytes message;
        uint128 gasLimit;
    }

    enum Outcome {
        Executed,
        AlreadyExecuted,
        NotVerifiable,
        ReceiveFailed
    }

    event ItemOutcome(bytes32 indexed guid, Outcome outcome, bytes reason);
    event FeeSet(uint32 indexed dstEid, uint128 baseFee, uint128 feePerGas);
    event FeesWithdrawn(address indexed to, uint256 amount);

    error OutOfGasFor(uint256 index, uint256 gasLeft, uint256 gasNeeded);
    error DestinationUnknown(uint32 dstEid);
    error OptionsInvalid(bytes options);
    error NotSendLibrary(address caller);

    /// @notice Commits each verified packet and executes it. Anyone. Items sorted by (path, nonce) cost least.
    function commitAndExecute(Item[] calldata items) external returns (Outcome[] memory outcomes);
}
