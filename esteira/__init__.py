"""The plain Python core of Esteira: it knows portals, the lake and the warehouse, and neither Prefect nor any room above."""
