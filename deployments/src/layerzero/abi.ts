import { parseAbi, parseAbiParameters } from 'viem';

/** What the deployment reads and calls of EndpointV2. */
export const endpointAbi = parseAbi([
  'struct SetConfigParam { uint32 eid; uint32 configType; bytes config; }',
  'constructor(uint32 eid, address owner)',
  'function eid() view returns (uint32)',
  'function delegates(address oapp) view returns (address)',
  'function registerLibrary(address lib)',
  'function isRegisteredLibrary(address lib) view returns (bool)',
  'function setDefaultSendLibrary(uint32 eid, address lib)',
  'function setDefaultReceiveLibrary(uint32 eid, address lib, uint256 gracePeriod)',
  'function defaultSendLibrary(uint32 eid) view returns (address)',
  'function defaultReceiveLibrary(uint32 eid) view returns (address)',
  'function setSendLibrary(address oapp, uint32 eid, address lib)',
  'function setReceiveLibrary(address oapp, uint32 eid, address lib, uint256 gracePeriod)',
  'function getSendLibrary(address oapp, uint32 eid) view returns (address)',
  'function isDefaultSendLibrary(address oapp, uint32 eid) view returns (bool)',
  'function getReceiveLibrary(address oapp, uint32 eid) view returns (address lib, bool isDefault)',
  'function setConfig(address oapp, address lib, SetConfigParam[] params)',
  'function getConfig(address oapp, address lib, uint32 eid, uint32 configType) view returns (bytes)',
]);

/** Message libraries, both directions. `getAppUlnConfig` is what the app pinned itself; zero fields fall back to LayerZero's default. */
export const ulnAbi = parseAbi([
  'struct UlnConfig { uint64 confirmations; uint8 requiredDVNCount; uint8 optionalDVNCount; uint8 optionalDVNThreshold; address[] requiredDVNs; address[] optionalDVNs; }',
  'struct ExecutorConfig { uint32 maxMessageSize; address executor; }',
  'struct SetDefaultUlnConfigParam { uint32 eid; UlnConfig config; }',
  'struct SetDefaultExecutorConfigParam { uint32 eid; ExecutorConfig config; }',
  'function setTreasury(address treasury)',
  'function setDefaultUlnConfigs(SetDefaultUlnConfigParam[] params)',
  'function setDefaultExecutorConfigs(SetDefaultExecutorConfigParam[] params)',
  'function getAppUlnConfig(address oapp, uint32 eid) view returns (UlnConfig)',
  'function executorConfigs(address oapp, uint32 eid) view returns (uint32 maxMessageSize, address executor)',
  'function isSupportedEid(uint32 eid) view returns (bool)',
]);

/** Workers, price feed and views, as far as a local network sets them up. */
export const workerAbi = parseAbi([
  'struct Price { uint128 priceRatio; uint64 gasPriceInUnit; uint32 gasPerByte; }',
  'struct UpdatePrice { uint32 eid; Price price; }',
  'struct DvnDstConfig { uint32 dstEid; uint64 gas; uint16 multiplierBps; uint128 floorMarginUSD; }',
  'function setWorkerFeeLib(address lib)',
  'function setPrice(UpdatePrice[] prices)',
  'function setNativeTokenPriceUSD(uint128 price)',
  'function setDstConfig(DvnDstConfig[] params)',
]);

export const executorAbi = parseAbi([
  'struct ExecutorDstConfig { uint32 dstEid; uint64 lzReceiveBaseGas; uint64 lzComposeBaseGas; uint16 multiplierBps; uint128 floorMarginUSD; uint128 nativeCap; }',
  'function initialize(address endpoint, address receiveUln301, address[] messageLibs, address priceFeed, address roleAdmin, address[] admins)',
  'function setDstConfig(ExecutorDstConfig[] params)',
]);

export const initializeAbi = parseAbi(['function initialize(address one)', 'function initialize(address one, address two)']);

export const constructorParameters = {
  EndpointV2: parseAbiParameters('uint32, address'),
  EndpointV2View: [],
  SendUln302: parseAbiParameters('address, uint256, uint256'),
  ReceiveUln302: parseAbiParameters('address'),
  ReceiveUln302View: [],
  DVN: parseAbiParameters('uint32, uint32, address[], address, address[], uint64, address[]'),
  DVNFeeLib: parseAbiParameters('uint32, uint256'),
  Executor: [],
  ExecutorFeeLib: parseAbiParameters('uint32, uint256'),
  PriceFeed: [],
  Treasury: [],
} as const;

/** `configType` of the endpoint's setConfig / getConfig. */
export const CONFIG_TYPE = { executor: 1, uln: 2 } as const;

export const ulnConfigParameters = parseAbiParameters(
  '(uint64 confirmations, uint8 requiredDVNCount, uint8 optionalDVNCount, uint8 optionalDVNThreshold, address[] requiredDVNs, address[] optionalDVNs)',
);
export const executorConfigParameters = parseAbiParameters('(uint32 maxMessageSize, address executor)');
