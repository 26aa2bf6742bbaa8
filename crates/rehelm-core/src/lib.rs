//! Objects, inventory, plan, steps and executor: everything that decides, nothing that touches the world.
