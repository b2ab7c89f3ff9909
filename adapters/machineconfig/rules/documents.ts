import { at, identityOf, kindOf } from "../documents.ts";
import { error, isAtLeast, type Rule, warning } from "./rule.ts";

/** Document kinds by the minor of 1.x that first read them. */
const kinds: Readonly<Record<number, readonly string[]>> = {
  9: [
    ...["EventSinkConfig", "ExtensionServiceConfig", "KmsgLogConfig", "KubeSpanEndpointsConfig", "NetworkDefaultActionConfig"],
    ...["NetworkRuleConfig", "SideroLinkConfig", "TrustedRootsConfig", "VolumeConfig", "WatchdogTimerConfig"],
  ],
  10: ["EthernetConfig", "PCIDriverRebindConfig", "UserVolumeConfig"],
  11: ["ExistingVolumeConfig", "RawVolumeConfig", "SwapVolumeConfig", "ZswapConfig"],
  12: [
    ...[
      "BondConfig",
      "BridgeConfig",
      "DHCPv4Config",
      "DHCPv6Config",
      "DummyLinkConfig",
      "HCloudVIPConfig",
      "HostnameConfig",
      "Layer2VIPConfig",
    ],
    ...["LinkAliasConfig", "LinkConfig", "OOMConfig", "RegistryAuthConfig", "RegistryMirrorConfig", "RegistryTLSConfig", "ResolverConfig"],
    ...["StaticHostConfig", "TimeSyncConfig", "VLANConfig", "WireguardConfig"],
  ],
  13: [
    ...[
      "BlackholeRouteConfig",
      "EnvironmentConfig",
      "ExternalVolumeConfig",
      "ImageVerificationConfig",
      "KubeSpanConfig",
      "RoutingRuleConfig",
    ],
    ...["TCPProbeConfig", "VRFConfig"],
  ],
  14: [
    ...[
      "UnattendedInstallConfig",
      "KernelModuleConfig",
      "SysctlConfig",
      "SysfsConfig",
      "UdevRulesConfig",
      "EtcFileConfig",
      "KubeNodeConfig",
    ],
    ...[
      "CRICustomizationConfig",
      "CRIBaseRuntimeSpecConfig",
      "ImageCacheConfig",
      "SecurityProfileConfig",
      "KubeletConfig",
      "KubeClusterConfig",
    ],
    ...["KubeAPIServerConfig", "KubeControllerManagerConfig", "KubeSchedulerConfig", "KubeProxyConfig", "KubeNetworkConfig"],
    ...["KubeFlannelCNIConfig", "KubeCoreDNSConfig", "KubePrismConfig", "KubeAPIServerCAConfig", "KubeAggregatorCAConfig"],
    ...[
      "KubeServiceAccountConfig",
      "KubeEtcdEncryptionConfig",
      "KubeInlineManifestConfig",
      "KubeExternalManifestConfig",
      "KubeStaticPodConfig",
    ],
    ...["KubeTalosAPIAccessConfig", "KubeCredentialProviderConfig", "DiscoveryServiceConfig", "DiscoveryIdentityConfig", "RAIDArrayConfig"],
    ...["FilesystemTrimConfig", "FilesystemScrubConfig", "VethConfig", "BGPInstanceConfig", "HTTPProbeConfig", "ContainerConfig"],
  ],
};
const since: ReadonlyMap<string, number> = new Map(
  Object.entries(kinds).flatMap(([minor, names]) => names.map((name) => [name, Number(minor)] as const)),
);

/** Talos decodes strictly: a document that its release does not know makes it refuse the whole configuration. */
export const documentRule: Rule = ({ documents, expected }) =>
  documents.flatMap((document) => {
    const path = identityOf(document);
    if (path === "v1alpha1") return [];
    if (document.apiVersion !== "v1alpha1" || typeof document.kind !== "string") {
      return [error("document-form", path, "A document needs apiVersion: v1alpha1 and a kind", "Write both")];
    }
    const first = since.get(document.kind);
    if (first === undefined)
      return [warning("document-unknown", path, "This kind of document is not known here", "Check its spelling with talosctl validate")];
    if (isAtLeast(expected.version, [1, first]) !== false) return [];
    return [
      error(
        "document-early",
        path,
        `Talos reads this from 1.${first} on, the machine gets ${expected.version}`,
        "Remove it, or install a newer version",
      ),
    ];
  });

/** The cluster can be found. */
export const clusterRule: Rule = ({ documents, main }) => {
  const endpoint = at(kindOf(documents, "KubeClusterConfig"), "endpoint") ?? at(main, "cluster", "controlPlane", "endpoint");
  if (typeof endpoint === "string" && /^https:\/\/[^/\s:]/.test(endpoint) && URL.canParse(endpoint)) return [];
  const message = endpoint === undefined ? "The cluster's address is missing" : "This is no address of a cluster";
  return [error("endpoint", "cluster.controlPlane.endpoint", message, "Write it like https://10.0.10.10:6443")];
};
