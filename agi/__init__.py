"""FastAGI scripts for IVR menus, one a file, served inside the application on loopback."""
