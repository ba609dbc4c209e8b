// Fails the type check if the controller's side can see a page's globals.
// @ts-expect-error no page
document.title = ''
