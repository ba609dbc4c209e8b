import { isHearsay, type Site } from '../../../shared/console/sites'
import type { LinkView } from '../../../shared/console/views'
import type { ModuleView } from '../../../shared/model/modules'
import type { Tone } from '../../ui/tone'

export function holderTone(site: Site): Tone {
  const { control } = site
  if (control.handOver) return 'working'
  if (isHearsay(site)) return 'quiet'
  if (control.holder === 'edge') return 'edge'
  return control.holder === 'master' ? 'master' : 'critical'
}

export function linkTone(link: LinkView): Tone {
  switch (link.state) {
    case 'connected':
      return 'edge'
    case 'connecting':
      return 'working'
    case 'lost':
    case 'refused':
      return 'critical'
    case 'unknown':
      return 'quiet'
  }
}

export function moduleTone(module: ModuleView): Tone {
  if (module.state === 'failed' || module.state === 'backing-off') return 'critical'
  if (module.state === 'running') return module.connected ? 'edge' : 'critical'
  return module.state === 'starting' ? 'working' : 'quiet'
}

/** Something that will happen by itself. `key` is a text of the catalogue. */
export interface Countdown {
  readonly key: 'takeOver' | 'autonomy' | 'stable' | 'windowCloses' | 'windowOpens' | 'pauseEnds'
  readonly at: number
  readonly tone: Tone
}

/** What is going to happen, soonest first. The window counts down only where its opening changes something. */
export function countdownsOf(site: Site): Countdown[] {
  const isHeldByMaster = site.control.holder === 'master'
  const all: (Countdown | null)[] = [
    site.takeOverAt === null ? null : { key: 'takeOver', at: site.takeOverAt, tone: 'critical' },
    site.autonomyAt === null ? null : { key: 'autonomy', at: site.autonomyAt, tone: 'working' },
    site.stableAt === null ? null : { key: 'stable', at: site.stableAt, tone: 'working' },
    site.window.open && site.window.closesAt !== null
      ? { key: 'windowCloses', at: site.window.closesAt, tone: isHeldByMaster ? 'working' : 'quiet' }
      : null,
    !site.window.open && site.window.nextOpenAt !== null
      ? { key: 'windowOpens', at: site.window.nextOpenAt, tone: isHeldByMaster ? 'working' : 'quiet' }
      : null,
    site.paused?.until ? { key: 'pauseEnds', at: site.paused.until, tone: 'working' } : null,
  ]
  return all.filter((item) => item !== null).sort((a, b) => a.at - b.at)
}
