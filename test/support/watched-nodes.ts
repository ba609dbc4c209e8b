import type { WatchedNodes } from '../../electron/master/alerts'

/** For alerts of a master that checks no nodes. */
export const noWatchedNodes: WatchedNodes = {
  nodes: () => [],
  nameOf: () => null,
  idOf: () => null,
  onTurned: () => () => {},
}
