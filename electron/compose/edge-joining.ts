import type { Parts } from './parts'
import { enrolledControl, type StoredControl } from '../core/control/stored'
import type { CredentialStore } from '../link/credentials'
import { joinMaster, type Joined } from '../link/joining'
import type { ControlRecords } from '../records/records'
import type { WallMs } from '../../shared/model/time'

/** Uses a join code; the credentials are stored when it resolves. */
export function joinWith(
  parts: Pick<Parts, 'clock' | 'random' | 'log' | 'timeZone' | 'version' | 'identity'>,
  credentials: CredentialStore,
  { code, dropBacklog }: { code: string; dropBacklog: boolean },
): Promise<Joined> {
  const { clock, random, log, timeZone, version, identity } = parts
  return joinMaster({
    code,
    instanceId: identity.nodeId,
    timeZone,
    programVersion: version,
    credentials,
    dropBacklog,
    clock,
    random,
    logger: log,
  })
}

/**
 * The control record of a newly joined edge. A machine that replaces another one must not think that it holds control: it begins above every epoch the
 * master ever heard of, and the first negotiation decides.
 */
export function beginControl(
  records: ControlRecords,
  { edgeId, epochFloor }: Pick<Joined, 'edgeId' | 'epochFloor'>,
  now: WallMs,
): void {
  if (records.load(edgeId) !== null) return
  const fresh = enrolledControl(now)
  const replaced: StoredControl = {
    ...fresh,
    record: { ...fresh.record, holder: 'none', epoch: 0, agreedEpoch: 0 },
    floor: epochFloor,
  }
  records.save(edgeId, epochFloor <= 1 ? fresh : replaced)
}
