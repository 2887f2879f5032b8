"""What one vector stands for a pair? One file per way of pooling."""
