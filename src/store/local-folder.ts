/** Where local stores are when nobody says otherwise, for those who look at the folder from outside of the store. */
export { defaultLocalDirectory } from './local/folder.js';
