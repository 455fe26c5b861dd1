import { module } from "./files.js";

await module("model");
document.body.textContent = "The model is here.";
