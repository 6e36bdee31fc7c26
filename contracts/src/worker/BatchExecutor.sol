// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {
    ILayerZeroEndpointV2,
    Origin
} from "@layerzerolabs/lz-evm-protocol-v2/contracts/interfaces/ILayerZeroEndpointV2.sol";
import {ISendLib} from "@layerzerolabs/lz-evm-protocol-v2/contracts/interfaces/ISendLib.sol";
import {ILayerZeroExecutor} from "@layerzerolabs/lz-evm-messagelib-v2/contracts/interfaces/ILayerZeroExecutor.sol";
import {IReceiveUlnE2} from "@layerzerolabs/lz-evm-messagelib-v2/contracts/uln/interfaces/IReceiveUlnE2.sol";
import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";

import {IBatchExecutor} from "./IBatchExecutor.sol";

/// @dev The endpoint has it, LayerZero's published interface leaves it out.
interface IEndpointAlert {
    function lzReceiveAlert(
        Origin calldata origin,
        address receiver,
        bytes32 guid,
        uint256 gas,
        uint256 value,
        bytes calldata message,
        bytes calldata extraData,
        bytes calldata reason
    ) external;
}

/// @notice The executor of Lockstep's routes: fees by destination at the source; at the destination the two permissionless steps
///         of many packets, commit and lzReceive, in one transaction.
/// @dev It holds nothing and is trusted with nothing: everything it calls is open to anyone, so a wrong item can only fail.
contract BatchExecutor is IBatchExecutor, ILayerZeroExecutor, AccessManaged {
    /// @dev Executor option: workerId 1 | size 2 | type 1 | gas 16. Size counts the bytes after itself.
    uint256 private constant OPTION_LENGTH = 20;
    uint8 private constant OPTION_WORKER = 1;
    uint16 private constant OPTION_SIZE = 17;
    uint8 private constant OPTION_LZ_RECEIVE = 1;

    /// @dev Most gas of one commit: it costs about 80k with two DVNs, and asks the receiver whether the path may open.
    uint256 private constant COMMIT_GAS = 250_000;
    /// @dev What the alert after a failure and the outcome event may use beside the item's own gas.
    uint256 private constant GAS_RESERVE = 60_000;
    uint256 private constant GAS_PER_MESSAGE_BYTE = 32;
    /// @dev More of a failure's data is cut, so a receiver cannot make the batch pay for copying it.
    uint256 private constant REASON_LENGTH = 256;

    struct DestinationFee {
        uint128 baseFee;
        uint128 feePerGas;
    }

    ILayerZeroEndpointV2 public immutable endpoint;
    address public immutable sendLib;
    address public immutable receiveLib;

    /// @notice Price of a job: baseFee + feePerGas × lzReceive gas, wei. Both 0: the destination is not served.
    mapping(uint32 dstEid => DestinationFee) public feeOf;

    /// @param endpoint_   EndpointV2 of this chain
    /// @param sendLib_    SendUln302 of this chain
    /// @param receiveLib_ ReceiveUln302 of this chain
    /// @param authority_  AccessManager
    constructor(
        address endpoint_,
        address sendLib_,
        address receiveLib_,
        address authority_
    ) AccessManaged(authority_) {
        endpoint = ILayerZeroEndpointV2(endpoint_);
        sendLib = sendLib_;
        receiveLib = receiveLib_;
    }

    // ---- destination: commit and execute

    /// @inheritdoc IBatchExecutor
    function commitAndExecute(Item[] calldata items) external returns (Outcome[] memory outcomes) {
        outcomes = new Outcome[](items.length);
        for (uint256 i = 0; i < items.length; ++i) {
            (Outcome outcome, bytes memory reason) = _process(items[i], i);
            outcomes[i] = outcome;
            emit ItemOutcome(items[i].guid, outcome, reason);
        }
    }

    function _process(Item calldata item, uint256 index) private returns (Outcome, bytes memory reason) {
        bytes32 payloadHash = keccak256(bytes.concat(item.guid, item.message));
        bytes32 committed = endpoint.inboundPayloadHash(
            item.receiver,
            item.origin.srcEid,
            item.origin.sender,
            item.origin.nonce
        );
        if (committed != payloadHash) {
            // No hash at or below the lazy nonce: executed, cleared, skipped or burnt; nothing is left to do.
            if (committed == bytes32(0) && item.origin.nonce <= _lazyNonce(item)) return (Outcome.AlreadyExecuted, "");
            // An orphan of a reorg may be committed; committing the attested packet replaces it.
            _requireGas(index, COMMIT_GAS, item);
            bool done;
            (done, reason) = _tryCall(
                receiveLib,
                COMMIT_GAS,
                abi.encodeCall(IReceiveUlnE2.commitVerification, (item.packetHeader, payloadHash))
            );
            if (!done) return (Outcome.NotVerifiable, reason);
        }
        return _execute(item, index);
    }

    function _execute(Item calldata item, uint256 index) private returns (Outcome, bytes memory) {
        _requireGas(index, item.gasLimit, item);
        (bool done, bytes memory reason) = _tryCall(
            address(endpoint),
            item.gasLimit,
            abi.encodeCall(
                ILayerZeroEndpointV2.lzReceive,
                (item.origin, item.receiver, item.guid, item.message, bytes(""))
            )
        );
        if (done) return (Outcome.Executed, "");
        IEndpointAlert(address(endpoint)).lzReceiveAlert(
            item.origin,
            item.receiver,
            item.guid,
            item.gasLimit,
            0,
            item.message,
            "",
            reason
        );
        return (Outcome.ReceiveFailed, reason);
    }

    /// @dev The 63/64 rule: without it a caller could starve an inner call of gas and have that recorded as its failure.
    function _requireGas(uint256 index, uint256 inner, Item calldata item) private view {
        uint256 needed = (inner * 64) / 63 + GAS_RESERVE + item.message.length * GAS_PER_MESSAGE_BYTE;
        require(gasleft() >= needed, OutOfGasFor(index, gasleft(), needed));
    }

    /// @dev A call whose failure is data, of which at most REASON_LENGTH bytes are copied.
    function _tryCall(
        address target,
        uint256 gasLimit,
        bytes memory data
    ) private returns (bool done, bytes memory reason) {
        assembly ("memory-safe") {
            done := call(gasLimit, target, 0, add(data, 32), mload(data), 0, 0)
            if iszero(done) {
                let length := returndatasize()
                if gt(length, REASON_LENGTH) {
                    length := REASON_LENGTH
                }
                reason := mload(0x40)
                mstore(0x40, add(reason, add(32, and(add(length, 31), not(31)))))
                mstore(reason, length)
                returndatacopy(add(reason, 32), 0, length)
            }
        }
    }

    function _lazyNonce(Item calldata item) private view returns (uint64) {
        return endpoint.lazyInboundNonce(item.receiver, item.origin.srcEid, item.origin.sender);
    }

    // ---- source: jobs and fees

    /// @inheritdoc ILayerZeroExecutor
    function assignJob(
        uint32 dstEid,
        address,
        uint256,
        bytes calldata options
    ) external view override returns (uint256 price) {
        require(msg.sender == sendLib, NotSendLibrary(msg.sender));
        return _price(dstEid, options);
    }

    /// @inheritdoc ILayerZeroExecutor
    function getFee(uint32 dstEid, address, uint256, bytes calldata options) external view returns (uint256 price) {
        return _price(dstEid, options);
    }

    function _price(uint32 dstEid, bytes calldata options) private view returns (uint256) {
        DestinationFee memory fee = feeOf[dstEid];
        require(fee.baseFee != 0 || fee.feePerGas != 0, DestinationUnknown(dstEid));
        return fee.baseFee + uint256(fee.feePerGas) * _receiveGas(options);
    }

    /// @dev Only lzReceive options without native value; several add up, as the endpoint's own executor reads them.
    function _receiveGas(bytes calldata options) private pure returns (uint256 gasSum) {
        require(options.length != 0 && options.length % OPTION_LENGTH == 0, OptionsInvalid(options));
        for (uint256 at = 0; at < options.length; at += OPTION_LENGTH) {
            bool lzReceiveOption =
                uint8(options[at]) == OPTION_WORKER &&
                    uint16(bytes2(options[at + 1:at + 3])) == OPTION_SIZE &&
                    uint8(options[at + 3]) == OPTION_LZ_RECEIVE;
            require(lzReceiveOption, OptionsInvalid(options));
            gasSum += uint128(bytes16(options[at + 4:at + OPTION_LENGTH]));
        }
        require(gasSum != 0, OptionsInvalid(options));
    }

    // ---- governance (restricted)

    /// @notice Sets the price towards `dstEid`, wei and wei per gas; both 0 end the service.
    function setFee(uint32 dstEid, uint128 baseFee, uint128 feePerGas) external restricted {
        feeOf[dstEid] = DestinationFee(baseFee, feePerGas);
        emit FeeSet(dstEid, baseFee, feePerGas);
    }

    /// @notice Sends earned fees, kept by the send library, to `to`.
    function withdrawFees(address to, uint256 amount) external restricted {
        ISendLib(sendLib).withdrawFee(to, amount);
        emit FeesWithdrawn(to, amount);
    }
}
