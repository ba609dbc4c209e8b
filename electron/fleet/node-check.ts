import { CONSOLE_PORT } from '../../shared/model/defaults'
import type { CheckConfig, KeyFacts, NodeCheck } from '../../shared/model/fleet'
import { LOCAL_NODE_ID } from '../../shared/model/fleet'
import type { CheckSteps } from '../core/fleet/status'
import type { NodeCredentials } from './credentials'
import type { KeptNode } from './nodes'
import { failed, skipped, succeeded, type Probes, type SshFound } from './probes'

export interface CheckedNode {
  readonly steps: CheckSteps
  /** Undefined: no host key was shown. Null: the pinned one, or the first. */
  readonly offered: KeyFacts | null | undefined
}

/** `ssh`: as it was found last, when it is not tried this time. */
export type CheckNode = (
  node: KeptNode,
  options: { readonly config: CheckConfig; readonly ssh: NodeCheck['ssh'] | null; readonly signal: AbortSignal },
) => Promise<CheckedNode>

export interface NodeCheckParts {
  readonly probes: Probes
  readonly credentials: Pick<NodeCredentials, 'forCheck'>
  /** What this controller says of itself. */
  own(): { readonly ok: boolean; readonly version: string; readonly role: string }
}

/** One check: the health endpoint beside TCP reach and, where that succeeded, SSH. Rejects when it is aborted. */
export function checkingNodes({ probes, credentials, own }: NodeCheckParts): CheckNode {
  return async (node, { config, ssh: before, signal }) => {
    if (node.id === LOCAL_NODE_ID) return ownCheck(own())
    const [health, { tcp, found }] = await Promise.all([
      probes.health(
        node.healthUrl ?? usualHealthUrl(node.host),
        config.healthTimeoutMs,
        signal,
        node.certificate?.fingerprint ?? null,
      ),
      reach(),
    ])
    const { step, hostKey, offered } = found
    return {
      steps: { tcp, ssh: { ...step, hostKey }, health },
      offered: hostKey === null && offered === null ? undefined : offered,
    }

    async function reach(): Promise<{ tcp: CheckSteps['tcp']; found: SshFound }> {
      const tcp = await probes.tcp(node.host, node.ssh.port, config.tcpTimeoutMs, signal)
      const nothing = { hostKey: null, offered: null }
      if (tcp.state !== 'ok') return { tcp, found: { step: skipped(), ...nothing } }
      if (before !== null) return { tcp, found: { step: { ...before, ms: null }, ...nothing } }
      const target = {
        host: node.host,
        ssh: node.ssh,
        credentials: await credentials.forCheck(node),
        pinned: node.hostKey,
      }
      return { tcp, found: await probes.ssh(target, config.sshTimeoutMs, signal) }
    }
  }
}

export function usualHealthUrl(host: string): string {
  // The zone of a link-local address has no place in an address of the web.
  const bare = host.replace(/%.*$/, '')
  return `http://${bare.includes(':') ? `[${bare}]` : bare}:${CONSOLE_PORT}/health`
}

/** This controller reaches itself by being there. */
function ownCheck({ ok, version, role }: ReturnType<NodeCheckParts['own']>): CheckedNode {
  const health = ok ? succeeded(0) : failed('not-healthy', { key: 'starting', step: 'health', params: {} }, 0)
  const ssh = { ...skipped(), hostKey: null }
  return { steps: { tcp: succeeded(0), ssh, health: { ...health, version, role } }, offered: undefined }
}
