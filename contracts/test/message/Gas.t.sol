// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {Origin} from "@layerzerolabs/lz-evm-protocol-v2/contracts/interfaces/ILayerZeroEndpointV2.sol";
import {console2} from "forge-std/console2.sol";
import {IEntryHandler} from "../../src/message/IEntryHandler.sol";
import {PacketMock} from "../mocks/EndpointMock.sol";
import {MessengerFixture} from "./MessengerFixture.sol";

contract SilentHandler is IEntryHandler {
    function applyEntries(uint32, uint64, bytes calldata, uint256[] calldata) external {}
    function applyCorrections(uint32, uint64, bytes calldata) external {}
}

/// @notice Bounds on what the Messenger itself costs, without calldata and without the handler. The whole path with LayerZero's own
///         contracts is measured in the gas snapshot.
contract GasTest is MessengerFixture {
    function entry97(uint256 salt) internal pure returns (bytes memory) {
        return abi.encodePacked(KIND, keccak256(abi.encode(salt)), salt, salt);
    }

    function appendMeasured(uint256 salt) internal returns (uint256 used) {
        bytes memory entry = entry97(salt);
        vm.cool(address(spoke));
        vm.prank(writer);
        spoke.append(HUB, entry);
        used = vm.lastCallGas().gasTotalUsed;
    }

    function test_GivenSteadyState_TheMessengerStaysWithinItsBudget() external {
        for (uint256 s = 1; s <= 128; ++s) appendMeasured(s);
        spoke.flush(HUB, flusher);
        bytes memory stream;
        for (uint256 s = 1; s <= 128; ++s) stream = bytes.concat(stream, framed(entry97(s)));
        arrive(lastPacket());
        hub.setHandler(KIND, address(new SilentHandler()));
        hub.deliver(SPOKE, stream);
        delete stream;

        uint256 used = appendMeasured(129);
        console2.log("append", used);
        assertLt(used, 26_000, "two slots of steady state");
        for (uint256 s = 130; s <= 178; ++s) appendMeasured(s);
        for (uint256 s = 129; s <= 178; ++s) stream = bytes.concat(stream, framed(entry97(s)));

        vm.cool(address(spoke));
        spoke.flush(HUB, flusher);
        console2.log("flush, with the endpoint's mock", vm.lastCallGas().gasTotalUsed);

        PacketMock memory p = lastPacket();
        vm.cool(address(hub));
        vm.prank(address(hubEndpoint));
        hub.lzReceive(p.origin, p.guid, p.message, address(this), "");
        used = vm.lastCallGas().gasTotalUsed;
        console2.log("lzReceive", used);
        assertLt(used, 60_000);

        vm.cool(address(hub));
        hub.deliver(SPOKE, stream);
        used = vm.lastCallGas().gasTotalUsed;
        console2.log("deliver 50", used, "per entry", used / 50);
        assertLt(used, 50_000);
    }
}
