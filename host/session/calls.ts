/**
 * The functions of droplet/ that Hornet calls: the effect of each on a droplet, then the shell variables that it reads; `?`
 * marks optional ones. The scripts repeat this in their `# @call` lines; calls.test.ts compares both.
 *
 *   reads     changes nothing, and needs no lock
 *   effects   changes something: the calling state claims the droplet first (droplet/owner/lineage.sh)
 *   removes   only removes, and claims nothing
 */
export const CALLS = {
  abort_boot: "removes runtime_dir namespace owner dir_of_artifacts vmm_timeout_ms",
  abort_receive: "effects namespace dir_of_artifacts",
  access_said: "reads runtime_dir namespace generation",
  allocated: "reads folder",
  apply_rules: "effects runtime_dir namespace owner table rules pending",
  begin_receive: "effects namespace dir_of_artifacts digest",
  begin_scratch:
    "effects runtime_dir namespace owner agent? tap tap_mac? tap_address? disk_copy disk_source firecracker jailer? uids? shown? lent? named? further_taps? vsock? vmm_limits disk_path vmm_timeout_ms",
  claim_lineage: "effects runtime_dir owner dir_of_artifacts",
  close_artifacts: "effects dir_of_artifacts",
  condemn_artifact: "effects dir_of_artifacts digest",
  converge_bridge: "effects runtime_dir owner bridge before mac host forward rules table address",
  converge_namespace: "effects runtime_dir namespace owner adopt note add host inside_first ipv6 inside host_veth",
  count_cores: "reads",
  delete_bridge: "removes runtime_dir owner bridge before table address",
  delete_namespace: "removes runtime_dir namespace owner host_veth keep_console? vmm_timeout_ms",
  delete_rules: "removes runtime_dir namespace owner table",
  delete_vm: "removes runtime_dir namespace owner keep_console? shutdown_ms vmm_timeout_ms",
  describe_host: "reads",
  drop_artifact: "removes namespace owner dir_of_artifacts digest",
  drop_aside: "effects runtime_dir namespace owner",
  drop_proofs: "removes runtime_dir owner",
  finish_clones: "effects runtime_dir owner namespaces",
  finish_identity: "effects runtime_dir namespace generation vmm_timeout_ms",
  gather_facts: "reads runtime_dir owner quiet vmm_timeout_ms",
  harden_droplet: "effects runtime_dir owner known points harden",
  hardening_facts: "reads runtime_dir owner",
  guest_end: "reads runtime_dir namespace",
  hand_recovery: "effects runtime_dir namespace owner recovery",
  hash_files: "reads",
  identify_guest: "effects runtime_dir namespace owner limit_ms guest_address guest_user host_key",
  inspect_files: "reads",
  irregular_files: "reads",
  is_shared: "reads owner path",
  keep_consoles: "effects runtime_dir owner console_limit vmm_timeout_ms",
  keep_names: "effects runtime_dir owner policies transaction resolver vmm_timeout_ms",
  keep_recovery: "effects runtime_dir owner library_digest vmm_timeout_ms",
  keep_metrics: "effects runtime_dir owner metrics_folder known_folder? vmm_timeout_ms",
  limit_facts: "reads runtime_dir owner limits bridge",
  link_artifact: "effects namespace dir_of_artifacts",
  list_manifests: "reads dir_of_artifacts",
  list_open: "reads dir_of_artifacts",
  list_private: "reads",
  list_others: "reads runtime_dir owner clones digest",
  list_programs: "reads firecracker jailer?",
  list_unused: "reads runtime_dir owner",
  lock_holder: "reads",
  mend_vm: "effects runtime_dir namespace owner disk_path vmm_limits",
  note_told: "effects runtime_dir namespace owner told",
  preflight_facts:
    "reads runtime_dir owner dir_of_artifacts paths more_tools state_file firecracker jailer? limits bridge network bridge_address bridge_rules internet packets",
  prune_artifact: "removes runtime_dir namespace owner digest dir_of_artifacts",
  publish_artifact: "effects namespace owner dir_of_artifacts digest signature name",
  put_back: "effects runtime_dir namespace owner vmm_timeout_ms",
  raise_limits: "effects runtime_dir owner known raise",
  read_lineage: "reads runtime_dir owner",
  read_manifest: "reads path",
  read_proofs: "reads runtime_dir digest",
  read_signature: "reads path",
  receive_files: "effects namespace dir_of_artifacts stall grace rate files",
  recover_vmm: "effects runtime_dir namespace owner",
  release_consoles: "removes runtime_dir owner",
  release_hardening: "removes runtime_dir owner known",
  release_lineage: "removes runtime_dir owner",
  release_metrics: "removes runtime_dir owner known_folder?",
  release_recovery: "removes runtime_dir owner",
  release_names: "removes runtime_dir owner",
  retire_artifact: "effects namespace dir_of_artifacts digest",
  return_limits: "removes runtime_dir owner known",
  scratch_done: "removes runtime_dir namespace owner vmm_timeout_ms",
  send_files: "reads life files",
  send_vm: "effects runtime_dir namespace owner record told knock generation vmm_timeout_ms",
  set_aside: "effects runtime_dir namespace owner shutdown_ms vmm_timeout_ms",
  settle_vm: "effects runtime_dir namespace owner",
  sign_artifact: "effects path signature",
  smoke_test: "reads namespace name address command",
  set_rates: "effects runtime_dir namespace owner rated vmm_timeout_ms",
  snapshot_head: "reads path",
  stage_agent: "effects runtime_dir namespace owner vmm_timeout_ms",
  start_vm:
    "effects runtime_dir namespace owner keep_disk shutdown_ms disk_path disk_source record vsock further_taps firecracker jailer uids shown lent named vmm_limits id tap vmm_flags hold closed generation told settles metrics recovery vmm_timeout_ms",
  sweep: "removes runtime_dir owner declared finished all dir_of_artifacts keep_console? known_folder? vmm_timeout_ms",
  take_snapshot: "effects runtime_dir namespace owner dir_of_artifacts kernel vmm_timeout_ms",
  try_scratch:
    "effects runtime_dir namespace owner agent? tap tap_mac? tap_address? disk_copy disk_source firecracker jailer? uids? shown? lent? named? further_taps? vsock? vmm_limits disk_path vmm_timeout_ms missing? seek?",
  unsettle_vm: "effects runtime_dir namespace owner",
  verify_receive: "effects namespace dir_of_artifacts",
  vm_usage: "reads runtime_dir owner",
  watch_guests: "reads",
  write_proof: "effects runtime_dir owner keep digest clones",
} as const;

/** The effect of a call on a droplet. */
export type CallKind = "reads" | "effects" | "removes";

/** A function of droplet/ that Hornet calls. */
export type CallName = keyof typeof CALLS;

type Words<Text extends string, Found extends string = never> = Text extends `${infer Word} ${infer Rest}`
  ? Words<Rest, Found | Word>
  : Found | Text;
type Listed<Name extends CallName> = Exclude<Words<(typeof CALLS)[Name]>, CallKind>;
type MayLack<Name extends CallName> =
  Listed<Name> extends infer Word ? (Word extends `${infer V}?` ? V : never) : never;
/** The required variables of a function. */
export type MustHave<Name extends CallName> = Exclude<Listed<Name>, `${string}?`>;

/** The variables that identify the calling state; every call accepts them. */
export type LineageVars = Readonly<Partial<Record<"lineage" | "claimant" | "take_over", string>>>;

/* eslint-disable @typescript-eslint/consistent-indexed-object-style -- the keys are a union, and may be none */
/** The shell variables of a function. */
export type VarsOf<Name extends CallName> = { readonly [Variable in MustHave<Name>]: string } & {
  readonly [Variable in MayLack<Name>]?: string;
} & LineageVars;
/* eslint-enable @typescript-eslint/consistent-indexed-object-style */

/** The kind of a function; other code, which tests run, counts as `effects`. */
export function kindOf(run: string): CallKind {
  const [kind = "effects"] = (CALLS as Readonly<Record<string, string | undefined>>)[run]?.split(" ", 1) ?? [];
  return kind as CallKind;
}
