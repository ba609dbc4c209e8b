import { HoldfastError } from '../../shared/model/failures'
import type { OperationHandlers } from '../console/operations'

const atEdge = (): never => {
  throw new HoldfastError('refused', 'Alerts are judged and kept at the master.', {
    hint: 'Open the console of the master, or use its command line.',
  })
}

/** An edge raises alerts of its own and pushes them. */
export const noAlerts: Pick<
  OperationHandlers,
  Extract<keyof OperationHandlers, `alerts.${string}` | `channels.${string}` | `forwarding.${string}`>
> = {
  'alerts.list': atEdge,
  'alerts.show': atEdge,
  'alerts.acknowledge': atEdge,
  'alerts.silence': atEdge,
  'alerts.unsilence': atEdge,
  'alerts.silences': atEdge,
  'alerts.rules': atEdge,
  'alerts.setRule': atEdge,
  'alerts.removeRule': atEdge,
  'alerts.preview': atEdge,
  'channels.list': atEdge,
  'channels.save': atEdge,
  'channels.remove': atEdge,
  'channels.test': atEdge,
  'forwarding.status': atEdge,
  'forwarding.set': atEdge,
  'forwarding.remove': atEdge,
  'forwarding.retry': atEdge,
  'forwarding.test': atEdge,
}
