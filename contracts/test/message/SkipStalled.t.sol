// SPDX-License-Identifier: MIT
pragma solidity ^0.8.34;

import {IOAppCore} from "@layerzerolabs/lz-evm-oapp-v2/contracts/oapp/interfaces/IOAppCore.sol";
import {IMessenger} from "../../src/message/IMessenger.sol";
import {PacketMock} from "../mocks/EndpointMock.sol";
import {MessengerFixture} from "./MessengerFixture.sol";

contract SkipStalledTest is MessengerFixture {
    function refuses(uint64 nonce, uint64 committed) internal {
        vm.expectRevert(abi.encodeWithSelector(IMessenger.NonceNotStalled.selector, SPOKE, nonce, committed));
        hub.skipStalled(SPOKE, nonce, committed);
    }

    function test_GivenANonceThatIsNeverVerified_WhenALaterOneIsCommitted_AStrangerSkipsIt() external {
        append(1, 2);
        flush();
        append(3, 5);
        PacketMock memory later = flush();
        hubEndpoint.verify(later);
        vm.expectRevert();
        hubEndpoint.execute(later);

        vm.expectEmit(address(hub));
        emit IMessenger.StalledSkipped(SPOKE, 1, 2);
        vm.prank(stranger);
        hub.skipStalled(SPOKE, 1, 2);
        hubEndpoint.execute(later);
        hub.deliver(SPOKE, streamOf(1, 5));
        assertEq(hub.inbox(SPOKE).consumed, 5, "nothing of the skipped packet is lost");
    }

    function test_GivenSeveralStalledNonces_TheyAreSkippedOneByOne() external {
        PacketMock memory p;
        for (uint256 i = 1; i <= 4; ++i) {
            append(i, i);
            p = flush();
        }
        hubEndpoint.verify(p);
        refuses(2, 4);
        for (uint64 n = 1; n <= 3; ++n) hub.skipStalled(SPOKE, n, 4);
        hubEndpoint.execute(p);
        assertEq(hub.inbox(SPOKE).verified, 4);
    }

    function test_GivenNoLaterCommittedNonce_NothingIsSkipped() external {
        append(1, 1);
        PacketMock memory first = flush();
        refuses(1, 2);
        hubEndpoint.verify(first);
        refuses(1, 1);
        refuses(2, 1);
        refuses(2, 2);
        refuses(0, 1);
    }

    function test_GivenAVerifiedNonce_ItIsNotSkipped() external {
        append(1, 1);
        PacketMock memory first = flush();
        append(2, 2);
        PacketMock memory second = flush();
        hubEndpoint.verify(first);
        hubEndpoint.verify(second);
        refuses(1, 2);
    }

    function test_GivenALaterNonceThatIsNilified_NothingIsSkipped() external {
        append(1, 1);
        flush();
        append(2, 2);
        PacketMock memory second = flush();
        hubEndpoint.nilify(second);
        refuses(1, 2);
    }

    function test_GivenAnUnknownPath_ItRefuses() external {
        vm.expectRevert(abi.encodeWithSelector(IOAppCore.NoPeer.selector, 9));
        hub.skipStalled(9, 1, 2);
    }
}
