import {
  Activity,
  Boxes,
  ChartLine,
  LayoutDashboard,
  MonitorCheck,
  Network,
  RadioTower,
  Server,
  Settings,
} from '@lucide/vue'
import { computed, type Component } from 'vue'
import { hasPage } from '../../routes'
import { useController } from '../../stores/controller'

/** A page one can go to. `text`: key of the catalogue; `digit`: Alt and this digit go there. */
export interface Place {
  readonly name: string
  readonly text: string
  readonly icon: Component
  readonly digit: number
}

const all = [
  { name: 'overview', icon: LayoutDashboard, roles: null },
  { name: 'site', icon: RadioTower, roles: null },
  { name: 'fleet', icon: Server, roles: ['master'] },
  { name: 'nodes', icon: MonitorCheck, roles: ['master', 'standalone'] },
  { name: 'data', icon: ChartLine, roles: null },
  { name: 'cluster', icon: Network, roles: ['master'] },
  { name: 'content', icon: Boxes, roles: ['master', 'standalone'] },
  { name: 'activity', icon: Activity, roles: null },
  { name: 'settings', icon: Settings, roles: null },
]

/** The pages that exist and mean something for this controller's role, in the order of the rail. */
export function usePlaces() {
  const controller = useController()
  return computed<Place[]>(() => {
    const role = controller.status?.role
    return all
      .filter(({ name, roles }) => hasPage(name) && (roles === null || (role !== undefined && roles.includes(role))))
      .map(({ name, icon }, index) => ({ name, icon, text: `page.${name}`, digit: index + 1 }))
  })
}
